// A certified OpenID provider (npm oidc-provider) as the authorization server that nobody here wrote.
//
//   PORT       port on 127.0.0.1, or the first argument; 0 or nothing takes a free one
//   CLIENT     the first confidential client as JSON, any of: client_id, client_secret, client_name, redirect_uris,
//              token_endpoint_auth_method
//   LIFETIMES  lifetimes in seconds as JSON, any of: AccessToken, RefreshToken, Grant
//
// More clients by dynamic registration (RFC 7591) at /reg, open to all on this machine: also such as show who they are by
// private_key_jwt, get device codes or client credentials, or bind their tokens by DPoP.
//
// Prints `READY <origin>` when it listens, and ends when its standard input does, so it never outlives who started it.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const ACCOUNTS = { ada: 'Ada’s Lamp Shop', bela: 'Béla’s Bakery' };
const DESCRIPTIONS = {
  openid: 'Know who you are',
  profile: 'See your name',
  offline_access: 'Stay connected while you are away',
  'orders:read': 'Read your orders',
};

const escape = (text) => String(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:10vh auto;padding:0 1rem}
label,button{display:block;width:100%;min-height:44px;font:inherit}button{margin-top:.75rem}input{font:inherit;padding:.5rem;width:100%;box-sizing:border-box}
</style></head><body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;

const form = (uid, step, body, button) => `<form method="post" action="/interaction/${uid}/${step}">${body}
<button id="${step}">${button}</button></form>`;

const readForm = async (request) => {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 10_000) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
};

const listener = createServer();
const port = Number(process.argv[2] ?? process.env.PORT ?? 0);
await new Promise((resolve, reject) => listener.once('error', reject).listen(port, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${listener.address().port}`;

const lifetimes = JSON.parse(process.env.LIFETIMES ?? '{}');
const provider = new Provider(origin, {
  clients: [
    {
      client_id: 'patchbay',
      client_secret: 'a-secret-for-tests-only',
      client_name: 'Patchbay',
      redirect_uris: ['http://127.0.0.1:1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      application_type: 'native', // so that loopback redirect URIs may be plain HTTP
      ...JSON.parse(process.env.CLIENT ?? '{}'),
    },
  ],
  scopes: ['openid', 'profile', 'offline_access', 'orders:read'],
  claims: { openid: ['sub'], profile: ['name'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_ctx, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    // Whoever shows a proof of possession is asked for a nonce in it, as RFC 9449 §8 and §9 let servers do.
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
  },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: 3600, RefreshToken: 86_400, Grant: 86_400, Interaction: 600, Session: 3600, ...lifetimes },
  findAccount: (_ctx, id) =>
    Object.hasOwn(ACCOUNTS, id)
      ? { accountId: id, claims: async () => ({ sub: id, name: ACCOUNTS[id] }) }
      : undefined,
});

const show = async (request, response, uid) => {
  const { prompt, params } = await provider.interactionDetails(request, response);
  const client = await provider.Client.find(params.client_id);
  const cancel = form(uid, 'cancel', '', 'Cancel');
  const body =
    prompt.name === 'login'
      ? form(uid, 'login', '<label>Account <input name="account" value="ada" autocomplete="username" required></label>', 'Sign in')
      : `<p>${escape(client.clientName)} asks for:</p><ul>${String(params.scope)
          .split(' ')
          .map((scope) => `<li>${escape(DESCRIPTIONS[scope] ?? scope)}</li>`)
          .join('')}</ul>${form(uid, 'allow', '', 'Allow')}`;
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page(prompt.name === 'login' ? 'Sign in' : 'Allow access?', body + cancel));
};

const consent = async (request, response) => {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return { consent: { grantId: await grant.save() } };
};

const interact = async (request, response, uid, step) => {
  if (request.method === 'GET' && !step) return show(request, response, uid);
  const fields = await readForm(request);
  let result = { error: 'access_denied', error_description: 'The account’s owner said no.' };
  if (step === 'login') {
    if (!Object.hasOwn(ACCOUNTS, fields.get('account'))) {
      response.statusCode = 400;
      response.setHeader('content-type', 'text/html; charset=utf-8');
      return response.end(page('No such account', `<p>There are ${Object.keys(ACCOUNTS).join(' and ')}.</p>`));
    }
    result = { login: { accountId: fields.get('account') } };
  } else if (step === 'allow') {
    result = await consent(request, response);
  }
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: step !== 'cancel' });
};

const rest = provider.callback();
listener.on('request', (request, response) => {
  const match = /^\/interaction\/([\w-]+)(?:\/(login|allow|cancel))?$/.exec(request.url);
  if (!match) return rest(request, response);
  interact(request, response, match[1], match[2]).catch((error) => {
    if (response.headersSent) return response.destroy();
    response.statusCode = 400;
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(page('This does not work', `<p>${escape(error.message)}</p>`));
  });
});

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
console.log(`READY ${origin}`);
