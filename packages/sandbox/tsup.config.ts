import { library } from '../../tsup.library.ts'

// The command line is an ES module: with CommonJS, one file would hold what all commands need, and each
// would wait for it. No source maps: they are larger than all else that is installed.
function asUtf8(options: { charset?: 'utf8' }): void {
  // Otherwise each Chinese character takes six bytes.
  options.charset = 'utf8'
}

export default [
  library({
    entry: ['src/index.ts', 'src/cli.ts'],
    format: ['esm'],
    sourcemap: false,
    esbuildOptions: asUtf8,
    dts: { entry: 'src/index.ts', banner: '/// <reference lib="esnext.disposable" />' },
  }),
  library({
    entry: ['src/index.ts'],
    format: ['cjs'],
    sourcemap: false,
    esbuildOptions: asUtf8,
    clean: false,
  }),
]
