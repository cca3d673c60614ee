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
