// A provider in JavaScript, after `sdk-plugin/wit/v2` and nothing else: a file that imports what the world imports and
// exports what it exports. Records are objects with names in camel case, an `option` is the value or `undefined`, a variant
// is `{ tag, val }`, a `u64` is a BigInt, and what a function may fail with is thrown.
import { fetch } from 'patchbay:plugin/http@2.0.0';
import { write } from 'patchbay:plugin/log@2.0.0';
import { bits } from 'patchbay:plugin/random@2.0.0';

const bytes = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);

const failure = (blame, message, retryAfter) => ({ blame, message, retryAfter });

// Who is to blame where the host has no answer to give.
function ofFault({ tag, val }) {
  switch (tag) {
    case 'denied': return failure('plugin', val);
    case 'timeout': return failure('provider', 'Bazaar did not answer in time.');
    case 'too-large': return failure('plugin', 'The answer is larger than a plugin may read.');
    case 'exhausted': return failure('plugin', 'The plugin made more calls than it may.');
    case 'throttled': return failure('provider', 'The rate limit is used up for now.', val);
    case 'unauthorized': return failure('end-user', 'The credential is not usable. Connect again.');
    default: return failure('provider', `Bazaar cannot be reached: ${val}`);
  }
}

// Who is to blame for an answer that is none.
function ofStatus(status, body, retryAfter) {
  let said = '';
  try { said = JSON.parse(text(body)).message ?? ''; } catch { /* A gateway's page. */ }
  const words = `Bazaar answered ${status}. ${said}`.trim();
  if (status === 401 || status === 403) return failure('end-user', words);
  if (status === 429 || status >= 500) return failure('provider', words, retryAfter);
  return failure('tenant', words);
}

function ask(method, url, body, headers = []) {
  let answer;
  try {
    answer = fetch({ method, url, headers, body: body && bytes(JSON.stringify(body)) });
  } catch (error) {
    // The host's own word for it; anything else is a mistake here.
    if (error.payload === undefined) throw error;
    throw ofFault(error.payload);
  }
  const header = (name) => answer.headers.find(([n]) => n === name)?.[1];
  if (answer.status < 200 || answer.status > 299) {
    const wait = Number.parseInt(header('retry-after'), 10);
    throw ofStatus(answer.status, answer.body, Number.isNaN(wait) ? undefined : wait);
  }
  try {
    return JSON.parse(text(answer.body));
  } catch {
    throw failure('provider', 'The answer is not JSON.');
  }
}

// Where the stream stands; a cursor of another form begins it anew.
function at(cursor) {
  if (cursor === undefined) return {};
  try {
    const { since, after, ...others } = JSON.parse(cursor);
    if (Object.keys(others).length === 0) return { since, after };
  } catch { /* Of another version. */ }
  throw failure('cursor-expired', 'The cursor is of another version of this plugin.');
}

function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
}

export function pull(connection, stream, cursor) {
  if (stream !== 'goods') throw failure('plugin', `Bazaar has no stream \`${stream}\`.`);
  const { since, after } = at(cursor);
  const { kind } = JSON.parse(connection.params);
  const answer = ask('GET', `/goods?${query({ limit: 2, kind, since, after })}`);
  if (!Array.isArray(answer.goods)) throw failure('provider', 'The answer has no list of goods.');
  const there = answer.goods.filter((good) => !good.gone);
  const gone = answer.goods.filter((good) => good.gone);
  write('info', `${answer.goods.length} goods`);
  const next = answer.next === null ? { since: answer.now } : { since, after: answer.next };
  return {
    items: there.map((good) => ({ id: good.id, body: JSON.stringify(good) })),
    deleted: gone.map((good) => good.id),
    cursor: JSON.stringify(next),
    more: answer.next !== null,
  };
}

export function act(connection, action, input) {
  if (action !== 'reserve') throw failure('plugin', `Bazaar has no action \`${action}\`.`);
  const { good, count } = JSON.parse(input);
  if (typeof good !== 'string' || !Number.isInteger(count)) {
    throw failure('tenant', 'The input must be {"good": "…", "count": 1}.');
  }
  // Sent again with the same key, it is carried out once.
  const key = bits().map((half) => half.toString(16).padStart(16, '0')).join('');
  const path = `/goods/${encodeURIComponent(good)}/reservations`;
  return JSON.stringify(ask('POST', path, { count }, [['idempotency-key', key]]));
}

export function verify() {
  ask('GET', '/me');
}

export function identify() {
  const { id, name } = ask('GET', '/me');
  return { account: id, name };
}

export function routeWebhook(webhook) {
  const { shop, gone } = JSON.parse(text(webhook.body));
  const deleted = gone === undefined ? [] : [['goods', gone]];
  // At a connection's own address there is no question whom it is for.
  const account = webhook.endpoint.tag === 'connection' ? undefined : shop;
  return [{ account, streams: ['goods'], deleted }];
}

export function afterConnect(connection) {
  if (connection.webhookUrl !== undefined) ask('POST', '/hooks', { url: connection.webhookUrl });
}

export function beforeDelete() {}

export function classifyError(status, body) {
  return ofStatus(status, body);
}
