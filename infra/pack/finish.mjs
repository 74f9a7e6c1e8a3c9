// node finish.mjs PACK TARGET_DIR DIST_DIR: turns what cargo built into the files that the server embeds.
//
// For each page: wasm-bindgen (PACK), wasm-opt, one minified script that loads the WebAssembly beside it and starts it,
// names with a hash of the content, the page's template with those names filled in, and a brotli and a gzip twin of every
// file. For the loader: minified, with twins. A page whose inputs did not change is left alone.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';

const [pack, target, dist] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const web = resolve(here, '../../web');
const cache = join(target, 'web-pack');

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** Writes a file and its compressed twins; gives the sizes. */
const emit = (path, bytes) => {
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const gzip = gzipSync(bytes, { level: 9 });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  writeFileSync(`${path}.br`, brotli);
  writeFileSync(`${path}.gz`, gzip);
  return { raw: bytes.length, brotli: brotli.length, gzip: gzip.length };
};

/** All files below a folder, as one hash of names and contents. */
const hashTree = (folder) =>
  hash(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(css|html|js)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => path + hash(readFileSync(path)))
      .join('\n'),
  );

const tools = ['finish.mjs', 'package-lock.json'].map((name) => hash(readFileSync(join(here, name)))).join();

/** Runs `make` unless its inputs are those of last time and its output is still there. */
const unlessFresh = (name, output, inputs, make) => {
  const stamp = join(cache, `${name}.stamp`);
  const now = hash([tools, ...inputs].join('\n'));
  if (existsSync(output) && existsSync(stamp) && readFileSync(stamp, 'utf8').startsWith(now)) {
    console.log(readFileSync(stamp, 'utf8').split('\n').slice(1).join('\n'));
    return;
  }
  const report = make();
  mkdirSync(cache, { recursive: true });
  writeFileSync(stamp, `${now}\n${report}`);
  console.log(report);
};

const minify = (options) =>
  Buffer.from(
    buildSync({ bundle: true, minify: true, write: false, legalComments: 'none', logLevel: 'warning', ...options })
      .outputFiles[0].contents,
  );

const page = (name) => {
  const input = join(target, 'wasm32-unknown-unknown/web', `patchbay-web-${name}.wasm`);
  const template = join(web, name, 'index.html');
  if (!existsSync(template)) throw new Error(`web/${name}/index.html is missing`);
  const sources = ['components', name].map((folder) => hashTree(join(web, folder)));
  unlessFresh(name, join(dist, name, 'index.html'), [hash(readFileSync(input)), ...sources], () => {
    const work = join(cache, name);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    execFileSync(pack, [input, work, name], { stdio: 'inherit' });

    // Default features on purpose: with all of them switched on the result validates and then fails in the browser.
    const small = join(work, 'small.wasm');
    const wasmOpt = join(here, 'node_modules/binaryen/bin/wasm-opt');
    execFileSync(process.execPath, [wasmOpt, '-Oz', join(work, `${name}_bg.wasm`), '-o', small], { stdio: 'inherit' });
    const wasm = readFileSync(small);
    const files = { wasm: `${name}-${hash(wasm).slice(0, 16)}.wasm` };

    const glue = readFileSync(join(work, `${name}.js`), 'utf8');
    const asked = `new URL('${name}_bg.wasm', import.meta.url)`;
    if (glue.split(asked).length !== 2) throw new Error(`the glue of ${name} does not load ${name}_bg.wasm as expected`);
    writeFileSync(join(work, 'glue.js'), glue.replace(asked, `new URL('${files.wasm}', import.meta.url)`));
    writeFileSync(join(work, 'start.js'), "import start from './glue.js';\nstart();\n");
    const script = minify({ entryPoints: [join(work, 'start.js')], format: 'esm', target: 'es2022' });
    files.script = `${name}-${hash(script).slice(0, 16)}.js`;

    const styleSource = join(web, name, 'style.css');
    const style = minify({ entryPoints: [styleSource], loader: { '.css': 'css' } });
    files.style = `${name}-${hash(style).slice(0, 16)}.css`;

    const html = readFileSync(template, 'utf8').replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, key) => files[key] ?? whole);

    const made = join(work, 'dist');
    const sizes = {
      'index.html': emit(join(made, 'index.html'), Buffer.from(html)),
      [files.script]: emit(join(made, files.script), script),
      [files.wasm]: emit(join(made, files.wasm), wasm),
      [files.style]: emit(join(made, files.style), style),
    };
    // The server's own small pages around this one link these under fixed names; they are not loaded with the page.
    for (const file of ['pages.css', 'pages.js']) {
      const source = join(web, name, file);
      if (existsSync(source)) emit(join(made, file), minify({ entryPoints: [source], target: 'es2022' }));
    }
    // The server may be compiling against the old folder: it is gone for an instant only.
    mkdirSync(dist, { recursive: true });
    rmSync(join(dist, name), { recursive: true, force: true });
    renameSync(made, join(dist, name));
    const total = Object.values(sizes).reduce((sum, size) => sum + size.brotli, 0);
    const lines = Object.entries(sizes).map(
      ([file, size]) => `      ${file.padEnd(34)} ${kilobytes(size.raw).padStart(10)}, brotli ${kilobytes(size.brotli)}`,
    );
    return [`   ${name}: ${kilobytes(total)} to load, by brotli`, ...lines].join('\n');
  });
};

const loader = () => {
  const source = join(web, 'embed/loader.js');
  if (!existsSync(source)) throw new Error('web/embed/loader.js is missing');
  const output = join(dist, 'embed/loader.js');
  unlessFresh('embed', output, [hash(readFileSync(source))], () => {
    const size = emit(output, minify({ entryPoints: [source], bundle: false, target: 'es2020' }));
    return `   loader: ${kilobytes(size.raw)}, gzip ${kilobytes(size.gzip)}`;
  });
};

try {
  page('connect');
  page('admin');
  loader();
} catch (error) {
  console.error(`finish: ${error.message}`);
  process.exit(1);
}
