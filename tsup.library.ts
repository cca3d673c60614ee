import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

/** How every package is built: ESM and CommonJS from one source, with types for both. */
export function library(options: Options): ReturnType<typeof defineConfig> {
  return defineConfig({
    format: ['esm', 'cjs'],
    // `AsyncDisposable`, for those whose `lib` is older and who do not have the types of Node.
    dts: { banner: '/// <reference lib="esnext.disposable" />' },
    target: 'node22',
    sourcemap: true,
    // The packages ship the sources that their maps lead to; a second copy would double what is installed.
    esbuildOptions(esbuild) {
      esbuild.sourcesContent = false
    },
    clean: true,
    treeshake: true,
    // Deno and Workers know Node's modules by `node:` alone; tsup takes it off by default.
    removeNodeProtocol: false,
    ...options,
  })
}

/** Writes the licences of the bundled packages beside the build, as these licences ask. */
export function writeLicenses(bundled: readonly string[], outdir: string): void {
  const folders = bundled
    .map((path) => path.replaceAll('\\', '/'))
    .map((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
    .filter((folder) => folder !== undefined)
  const notices = [...new Set(folders)].toSorted().map(licenseIn)
  // tsup writes the build after this, so it may be the first file.
  mkdirSync(outdir, { recursive: true })
  writeFileSync(join(outdir, 'third-party-licenses.txt'), notices.join('\n\n'))
}

function licenseIn(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (file === undefined) throw new Error(`${folder} is bundled and has no license file.`)
  const name = folder.replace(/^.*\/node_modules\//, '')
  return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
