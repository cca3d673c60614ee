import type { Options } from 'tsup'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { library } from '../../tsup.library.ts'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]

/** Writes the licences of the bundled packages beside the build, as these licences ask. */
const thirdPartyLicenses: Plugin = {
  name: 'third-party-licenses',
  setup(build) {
    build.onEnd(({ metafile }) => {
      const folders = Object.keys(metafile?.inputs ?? {})
        .map((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
        .filter((folder) => folder !== undefined)
      const notices = [...new Set(folders)].toSorted().map(licenseIn)
      const { outdir = '' } = build.initialOptions
      // tsup writes the build after this, so it may be the first file.
      mkdirSync(outdir, { recursive: true })
      writeFileSync(join(outdir, 'third-party-licenses.txt'), notices.join('\n\n'))
    })
  },
}

function licenseIn(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
  if (file === undefined) throw new Error(`${folder} is bundled and has no license file.`)
  const name = folder.replace(/^.*\/node_modules\//, '')
  return `${name}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
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
