import type * as Esbuild from 'esbuild'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Assets } from './assets.ts'

const APP = new URL('app/', import.meta.url)

/**
 * Where the bundler and the libraries of the page are installed: with this package; or with the tour, in
 * a clone that has only what the demos need (scripts/run.mjs).
 */
const HOMES = ['../../', '../../../../examples/tour/'].map((path) => new URL(path, import.meta.url))

/** The page of the inspector, and the files that it was bundled from. */
export interface Bundle extends Assets {
  readonly inputs: readonly string[]
}

/** Bundles the inspector's page: for the package, and on demand when the sandbox runs from source. */
export async function buildAssets(): Promise<Bundle> {
  const { outputFiles, metafile } = await loadBundler().build({
    absWorkingDir: fileURLToPath(APP),
    entryPoints: ['main.tsx', 'style.css'],
    nodePaths: HOMES.map((home) => fileURLToPath(new URL('node_modules', home))),
    outdir: 'out',
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    charset: 'utf8',
    target: 'es2022',
    // Calls of `h`: 400 bytes less than those of the automatic runtime.
    jsx: 'transform',
    jsxFactory: 'h',
    jsxFragment: 'Fragment',
    inject: ['preact-jsx.ts'],
    legalComments: 'none',
    tsconfigRaw: {},
  })
  const textOf = (ending: string) =>
    outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? ''
  const inputs = Object.keys(metafile.inputs).map((path) => fileURLToPath(new URL(path, APP)))
  return { script: textOf('.js'), style: textOf('.css'), inputs }
}

function loadBundler(): typeof Esbuild {
  const [own, tour] = HOMES.map((home) => createRequire(new URL('package.json', home)))
  try {
    return own?.('esbuild')
  } catch {
    return tour?.('esbuild')
  }
}
