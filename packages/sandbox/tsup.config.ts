import type { Options } from 'tsup'
import { library, writeLicenses } from '../../tsup.library.ts'
import { buildAssets } from './src/inspector/build.ts'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

/** Puts the built page in the place of the module that builds it on demand, and its licences beside it. */
const inspector: Plugin = {
  name: 'inspector',
  setup(build) {
    build.onLoad({ filter: /[\\/]inspector[\\/]assets\.ts$/ }, async () => {
      const { script, style, inputs } = await buildAssets()
      const assets = JSON.stringify({ script, style })
      writeLicenses(inputs, build.initialOptions.outdir ?? '')
      return { contents: `export const loadAssets = async () => (${assets})`, loader: 'js' }
    })
  },
}

/** What is imported when it is needed, and stays a file of its own. */
const FILES: readonly (readonly [RegExp, string])[] = [
  // Compiled after the entry has turned the compile cache on.
  [/^\.\/cli\/program\.ts$/, './program.cjs'],
  // Sandbox and doctor are those of the library.
  [/^\.\.\/\.\.\/(?:start|doctor\/check-webhook)\.ts$/, './index.cjs'],
]

const separateFiles: Plugin = {
  name: 'separate-files',
  setup(build) {
    for (const [filter, path] of FILES) {
      build.onResolve({ filter }, ({ kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : undefined,
      )
    }
  },
}

type EsbuildOptions = Parameters<NonNullable<Options['esbuildOptions']>>[0]

function asUtf8(options: EsbuildOptions): void {
  // Otherwise each Chinese character takes six bytes.
  options.charset = 'utf8'
}

/** `require` instead of `import()`, which would start Node's second module loader. */
function withRequire(options: EsbuildOptions): void {
  asUtf8(options)
  options.supported = { 'dynamic-import': false }
}

// No source maps: they are larger than all else that is installed.
const shared = { sourcemap: false, esbuildOptions: asUtf8 } as const

export default [
  library({ ...shared, entry: ['src/index.ts'], esbuildPlugins: [inspector] }),
  // CommonJS: what only other commands need is not evaluated, and is no file to look for.
  library({
    ...shared,
    entry: { cli: 'src/cli.ts', program: 'src/cli/program.ts' },
    esbuildOptions: withRequire,
    format: ['cjs'],
    dts: false,
    treeshake: false,
    splitting: false,
    clean: false,
    esbuildPlugins: [separateFiles],
  }),
]
