import { wrong } from '@hongbao/core/internal'
import type { Settings } from './options.ts'
import { run, select } from './run.ts'

/** Options of `cleanUp`. */
export interface CleanUpOptions {
  /** How many keys a transaction deletes at the most. Default: 1,000. */
  readonly batchSize?: number | undefined
}

/** Deletes what is past the retention, a batch at a time. Resolves with how many keys it deleted. */
export async function deleteExpired<Tx>(
  settings: Settings<Tx>,
  { batchSize = 1000 }: CleanUpOptions = {},
): Promise<number> {
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw wrong('batchSize', 'a whole number of keys, 1 or more')
  }
  let total = 0
  let batch: Batch
  do {
    // oxlint-disable-next-line no-await-in-loop -- batch by batch, so that no lock is held for long
    batch = await deleteBatch(settings, batchSize)
    total += batch.deleted
  } while (batch.found === batchSize && batch.deleted > 0)
  return total
}

interface Batch {
  readonly found: number
  /** Fewer than were found, if others have locked or deleted some. */
  readonly deleted: number
}

/** Finds without locks first: a scan would lock keys on its way that are not expired. */
async function deleteBatch<Tx>(settings: Settings<Tx>, batchSize: number): Promise<Batch> {
  const { findExpired, lockExpired, erase } = settings.statements
  const found = await select(settings, findExpired(batchSize))
  let deleted = 0
  if (found.length === 0) return { found: 0, deleted }
  await settings.transaction(async (tx) => {
    const locked = await select(settings, lockExpired(found.map(({ pk }) => pk)), undefined, tx)
    if (locked.length > 0) await run(settings, erase(locked.map(({ pk }) => pk)), undefined, tx)
    deleted = locked.length
  })
  return { found: found.length, deleted }
}
