// Makes a component of plugin.js: `node build.mjs`. It lies where `patchbay plugin test --no-build` looks for it.
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const here = (path) => new URL(path, import.meta.url).pathname;
const world = here('../../../sdk-plugin/wit/v2');
const [source, place] = [here('plugin.js'), here('target/plugins/bazaar/plugin.wasm')];

const made = await stat(place).catch(() => undefined);
const from = [source, here('build.mjs'), here('package-lock.json'), `${world}/provider.wit`];
const newest = Math.max(...(await Promise.all(from.map((file) => stat(file)))).map((file) => file.mtimeMs));
if (made === undefined || made.mtimeMs < newest) {
  const { component } = await componentize({
    sourcePath: source,
    witPath: world,
    worldName: 'provider',
    // A plugin has no standard output, clock, randomness or sockets of its own: without these it asks for none of wasi.
    disableFeatures: ['stdio', 'random', 'clocks', 'http', 'fetch-event'],
  });
  await mkdir(here('target/plugins/bazaar'), { recursive: true });
  await writeFile(place, component);
}
console.log(`${place}: ${(await readFile(place)).length} bytes`);
