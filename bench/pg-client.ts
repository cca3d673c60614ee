import { createRequire } from 'node:module'

type Pg = typeof import('../packages/postgres/node_modules/@types/pg/index.js')

/** A pool of pg, over which the inbox is measured. */
export type Pool = InstanceType<Pg['Pool']>

/** Opens a pool. pg is a development dependency of the package, and of nothing here. */
export function openPool(url: string, max: number): Pool {
  const require = createRequire(new URL('../packages/postgres/package.json', import.meta.url))
  const pg = require('pg') as Pg
  return new pg.Pool({ connectionString: url, max })
}
