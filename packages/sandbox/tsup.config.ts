import type { Options } from 'tsup'
import { library } from '../../tsup.library.ts'
import { buildAssets } from './src/inspector/build.ts'

/** Puts the built page in the place of the module that builds it on demand. */
const inspector: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'inspector',
  setup(build) {
    build.onLoad({ filter: /[\\/]inspector[\\/]assets\.ts$/ }, async () => {
      const assets = JSON.stringify(await buildAssets())
      return { contents: `export const loadAssets = async () => (${assets})`, loader: 'js' }
    })
  },
}

export default library({ entry: ['src/index.ts', 'src/cli.ts'], esbuildPlugins: [inspector] })
