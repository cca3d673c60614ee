import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { withinAllowance, type Figure } from './figure.ts'
import { tarballBytes } from './installed.ts'

interface SizeLimitResult {
  readonly name: string
  readonly size: number
}

// The targets. `.size-limit.json` may allow more, so that `pnpm size` guards the current sizes.
const ADAPTER_BYTES = 1000
const AIMS: Readonly<Record<string, number>> = {
  core: 6000,
  express: ADAPTER_BYTES,
  koa: ADAPTER_BYTES,
  fastify: ADAPTER_BYTES,
  hono: ADAPTER_BYTES,
}

/**
 * What a package adds to a bundle: its built entry, minified and gzipped, without its dependencies.
 * Measured by size-limit, as `pnpm size` does.
 */
export async function measure(): Promise<Figure[]> {
  return sizes().flatMap(({ name, size }) => {
    const shortName = name.replace('@hongbao/', '')
    const aim = AIMS[shortName]
    if (aim === undefined) return []
    const note = `minified and gzipped; tarball ${tarballBytes(shortName)} bytes`
    return [withinAllowance(`size ${shortName}`, size, aim, 'bytes', note)]
  })
}

function sizes(): readonly SizeLimitResult[] {
  const bin = fileURLToPath(new URL('../node_modules/size-limit/bin.js', import.meta.url))
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  // A ceiling of its own that does not hold makes the status 1; the figures are there all the same.
  const { stdout } = spawnSync(process.execPath, [bin, '--json'], { cwd, encoding: 'utf8' })
  return JSON.parse(stdout)
}
