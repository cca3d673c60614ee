import type { Options } from 'tsup'
import { library, writeLicenses } from '../../tsup.library.ts'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

const thirdPartyLicenses: Plugin = {
  name: 'third-party-licenses',
  setup(build) {
    build.onEnd(({ metafile }) => {
      writeLicenses(Object.keys(metafile?.inputs ?? {}), build.initialOptions.outdir ?? '')
    })
  },
}

const entry = [
  'src/index.ts',
  'src/node.ts',
  'src/fetch.ts',
  'src/lambda.ts',
  'src/testing.ts',
  'src/adapter.ts',
  'src/internal.ts',
]

export default [
  library({ entry, format: ['esm'] }),
  // raw-body is an ES module, which Jest cannot `require`. Rollup would turn the `require` of what is
  // bundled into one that bundlers cannot follow.
  library({
    entry,
    format: ['cjs'],
    noExternal: ['raw-body'],
    treeshake: false,
    clean: false,
    esbuildPlugins: [thirdPartyLicenses],
  }),
]
