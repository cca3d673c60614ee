import type { PoolConfig } from 'pg'
import { PgBoss, type ConstructorOptions } from 'pg-boss'
import { openPool } from './postgres.ts'

/**
 * A pg-boss for tests that stop its server under load. Its own pool would end the process if a
 * connection is lost during checkout from the pool: for a moment its errors have no listener (pg-boss
 * 12.38, db.js). `pool.query` leaves none.
 */
export async function openBoss(config: PoolConfig, options: ConstructorOptions): Promise<PgBoss> {
  const pool = openPool(config)
  const boss = new PgBoss({
    ...options,
    db: { executeSql: (text, values) => pool.query(text, values) },
  })
  // While Postgres is down it has one for every query.
  boss.on('error', () => {})
  boss.on('stopped', () => void pool.end())
  await boss.start()
  return boss
}
