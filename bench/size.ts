import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { withinAllowance, type Figure } from './figure.ts'
import { tarballBytes } from './installed.ts'

interface SizeLimitResult {
  readonly name: string
  readonly size: number
  readonly sizeLimit: number
}

/**
 * What a package adds to a bundle: its built entry, minified and gzipped, without its dependencies.
 * size-limit measures, with the ceilings that `pnpm size` enforces (`.size-limit.json`).
 */
export async function measure(): Promise<Figure[]> {
  return sizes().map(({ name, size, sizeLimit }) => {
    const shortName = name.replace('@hongbao/', '')
    const note = `minified and gzipped; tarball ${tarballBytes(shortName)} bytes`
    return withinAllowance(`size ${shortName}`, size, sizeLimit, 'bytes', note)
  })
}

function sizes(): readonly SizeLimitResult[] {
  const bin = fileURLToPath(new URL('../node_modules/size-limit/bin.js', import.meta.url))
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  // A ceiling that does not hold makes the status 1; the figures are there all the same.
  const { stdout } = spawnSync(process.execPath, [bin, '--json'], { cwd, encoding: 'utf8' })
  return JSON.parse(stdout)
}
