import type { EventJob } from '@hongbao/hand-off'
import { QueueError } from '@hongbao/hand-off/internal'
import { createHash } from 'node:crypto'
import type { BossQueue } from './boss-queue.ts'
import { retryFailed } from './dead-letters.ts'

/** Stores a job, one for each key. Resolves when Postgres has committed it. */
export async function persist(queue: BossQueue, data: EventJob): Promise<void> {
  const { boss, name } = queue
  const { key } = data
  const id = jobIdOf(key)
  // `singletonKey` is for people, and to find a failed job again. It removes no duplicates in a queue
  // with the policy `standard`; the id does.
  const sent = await boss.send(name, data, { id, singletonKey: key })
  if (sent === id) return
  // pg-boss inserted nothing: the queue has a job with this id in some state, or refuses the job.
  const [job] = await boss.findJobs(name, { id })
  if (job === undefined) {
    throw new QueueError(
      'queue-job-missing',
      `pg-boss stored no job for ${key}. Check that the queue ${name} is not being deleted.`,
    )
  }
  if (job.state === 'failed') await retryFailed(queue, { id, key })
}

/** The namespace of hongbao's keys, chosen at random: no other program derives the same ids. */
const NAMESPACE = '8e892b7c-25cd-4688-9cf7-0d6d98145ea8'

/** The key as a UUID, the only id that pg-boss accepts: version 5 of RFC 9562, section 5.5. */
export function jobIdOf(key: string, namespace: string = NAMESPACE): string {
  const hash = createHash('sha1').update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
  const bytes = hash.update(key).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6) // the version
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8) // the variant
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
