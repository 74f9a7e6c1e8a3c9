// Two Model Context Protocol servers, each made of parts that nobody here wrote:
//
//   sdk   the SDK's own server and bearer check, with the authorization server that comes with the SDK's examples:
//         clients register dynamically, tokens are good for the one resource they were asked for
//   oidc  the same server and check, with a certified OpenID provider (npm oidc-provider) in front: clients are known by
//         the address of their metadata document or register, callbacks name the issuer, refresh tokens rotate
//
//   DOCUMENTS  where https://documents.test/… is really found, an http origin on this machine
//
// Prints `READY {"sdk": {"server": …, "issuer": …}, "oidc": {…}}` when all listen, and ends when its standard input does.

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { setupAuthServer } from '@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import Provider from 'oidc-provider';

const SCOPE = 'mcp:tools';

const listen = (server, port = 0) =>
  new Promise((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server.address().port)),
  );

/** A port that was free a moment ago, for parts that want to know theirs before they listen. */
const freePort = async () => {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
};

/** A server with one tool, behind the SDK's check of bearer tokens. */
const serveMcp = async (listener, url, oauthMetadata, verifyAccessToken) => {
  const app = createMcpExpressApp();
  app.use(mcpAuthMetadataRouter({ oauthMetadata, resourceServerUrl: url, scopesSupported: [SCOPE], resourceName: 'Tests' }));
  const guard = requireBearerAuth({
    verifier: { verifyAccessToken },
    requiredScopes: [SCOPE],
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url),
    expectedResource: url,
  });
  app.post('/mcp', guard, async (request, response) => {
    const server = new McpServer({ name: 'tests', version: '1.0.0' });
    server.registerTool('whoami', { description: 'Who is calling' }, async () => ({
      content: [{ type: 'text', text: request.auth.clientId }],
    }));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    response.on('close', () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  listener.on('request', app);
};

const introspected = async (endpoint, token, headers = {}) => {
  const answer = await fetch(endpoint, { method: 'POST', headers, body: new URLSearchParams({ token }) });
  const said = await answer.json();
  if (!said.active) throw new InvalidTokenError('the token does not work');
  const audience = Array.isArray(said.aud) ? said.aud[0] : said.aud;
  return {
    token,
    clientId: said.client_id,
    scopes: (said.scope ?? '').split(' '),
    expiresAt: said.exp,
    resource: audience && new URL(audience),
  };
};

const sdk = async () => {
  const listener = createServer();
  const server = new URL(`http://127.0.0.1:${await listen(listener)}/mcp`);
  const issuer = new URL(`http://127.0.0.1:${await freePort()}`);
  const log = console.log;
  console.log = () => {}; // The example says where it listens; the first line is ours.
  const metadata = setupAuthServer({ authServerUrl: issuer, mcpServerUrl: server, strictResource: true });
  console.log = log;
  await serveMcp(listener, server, metadata, (token) => introspected(metadata.introspection_endpoint, token));
  // The example listens when it likes to.
  for (;;) {
    const isUp = await fetch(new URL('/.well-known/oauth-authorization-server', issuer)).then(() => true, () => false);
    if (isUp) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { server: server.href, issuer: metadata.issuer };
};

const oidc = async () => {
  const [listener, gate] = [createServer(), createServer()];
  const server = new URL(`http://127.0.0.1:${await listen(listener)}/mcp`);
  const issuer = `http://127.0.0.1:${await listen(gate)}`;
  const checker = { client_id: 'checker', client_secret: randomBytes(16).toString('hex') };
  const provider = new Provider(issuer, {
    clients: [{ ...checker, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] }],
    scopes: ['openid', 'offline_access'],
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true },
      registration: { enabled: true },
      clientCredentials: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => ({ scope: SCOPE, audience: resource, accessTokenFormat: 'opaque' }),
      },
    },
    fetch: (url, options) => {
      const to = new URL(url);
      if (to.origin !== 'https://documents.test') return fetch(url, options);
      // Its guard against inner addresses would refuse this machine.
      return fetch(new URL(to.pathname, process.env.DOCUMENTS), { ...options, dispatcher: undefined });
    },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: { AccessToken: 600, RefreshToken: 3600, Grant: 3600, Interaction: 600, Session: 600 },
    findAccount: (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  });
  const rest = provider.callback();
  // Everybody is Ada, and she agrees.
  const agree = async (request, response) => {
    const { params } = await provider.interactionDetails(request, response);
    const grant = new provider.Grant({ accountId: 'ada', clientId: params.client_id });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(params.resource, SCOPE);
    const result = { login: { accountId: 'ada' }, consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result);
  };
  gate.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) return rest(request, response);
    agree(request, response).catch((error) => response.writeHead(400).end(error.message));
  });
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const basic = Buffer.from(`${checker.client_id}:${checker.client_secret}`).toString('base64');
  const verify = (token) =>
    introspected(metadata.introspection_endpoint, token, { authorization: `Basic ${basic}` });
  await serveMcp(listener, server, metadata, verify);
  return { server: server.href, issuer };
};

process.stdin.on('end', () => process.exit(0)).on('error', () => process.exit(0)).resume();
console.log(`READY ${JSON.stringify({ sdk: await sdk(), oidc: await oidc() })}`);
