// Ghost (npm ghost) as a real product with an API behind JSON web tokens: on a port of this machine, with SQLite.
// Nobody is set up: whoever starts it does so through Ghost's own API.
//
//   PORT    port on 127.0.0.1, or the first argument; 0 or nothing takes a free one
//   FOLDER  where it keeps its files: an empty folder; a temporary one if absent, which is gone when it ends
//
// Prints `READY <origin>` when its API answers, and ends when its standard input does, so it never outlives who started it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const ghost = join(here, 'node_modules/ghost');

// Ghost carries one of its parts as an archive in its own package, which npm cannot install for a dependency: another
// package holds its place until here.
const part = join(ghost, 'node_modules/@tryghost/i18n');
if (!existsSync(join(part, 'locales'))) {
  const components = join(ghost, 'components');
  const archive = readdirSync(components).find((name) => name.startsWith('tryghost-i18n-'));
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  execFileSync('tar', ['-xzf', join(components, archive), '-C', part, '--strip-components=1']);
}

const port = await new Promise((resolve, reject) => {
  const probe = createServer();
  probe.once('error', reject).listen(Number(process.argv[2] ?? process.env.PORT ?? 0), '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const origin = `http://127.0.0.1:${port}`;

const content = process.env.FOLDER ?? mkdtempSync(join(tmpdir(), 'ghost-'));
if (!process.env.FOLDER) process.once('exit', () => rmSync(content, { recursive: true, force: true }));
for (const folder of ['data', 'logs', 'images', 'files', 'media', 'settings', 'public', 'adapters']) {
  mkdirSync(join(content, folder));
}
symlinkSync(join(ghost, 'content/themes'), join(content, 'themes'));

Object.assign(process.env, {
  NODE_ENV: 'production',
  url: origin,
  server__host: '127.0.0.1',
  server__port: String(port),
  database__client: 'sqlite3',
  database__useNullAsDefault: 'true',
  database__connection__filename: join(content, 'data/ghost.db'),
  paths__contentPath: content,
  logging__transports: '["stdout"]',
  logging__level: 'error',
  mail__transport: 'stub',
  // Nothing calls home, and no code is mailed to who signs in.
  privacy__useUpdateCheck: 'false',
  privacy__useRpcPing: 'false',
  security__staffDeviceVerification: 'false',
});
process.chdir(ghost);

process.stdin.resume();
process.stdin.once('end', () => process.exit(0));
await import(join(ghost, 'index.js'));

for (const deadline = Date.now() + 60_000; ; ) {
  const answer = await fetch(`${origin}/ghost/api/admin/authentication/setup/`).catch(() => undefined);
  if (answer?.ok) break;
  if (Date.now() > deadline) throw new Error(`Ghost answers ${await answer?.text()}`);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
console.log(`READY ${origin}`);
