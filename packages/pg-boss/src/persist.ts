import type { EventJob } from '@hongbao/hand-off'
import { QueueError } from '@hongbao/hand-off/internal'
import type { BossQueue } from './boss-queue.ts'
import { wake } from './dead-letters.ts'
import { uuidOf } from './uuid.ts'

/** Stores a job: one for each key, and resolves when Postgres has committed it. */
export async function persist(queue: BossQueue, data: EventJob): Promise<void> {
  const { boss, name } = queue
  const { key } = data
  const id = uuidOf(key)
  // The key is for people, and for finding the job again among those that failed; in a standard
  // queue it keeps nothing out.
  const sent = await boss.send(name, data, { id, singletonKey: key })
  if (sent === id) return
  // Nothing was inserted under this id: the job is there already, in any state, or there is none.
  const [job] = await boss.findJobs(name, { id })
  if (job === undefined) {
    throw new QueueError(
      'queue-job-missing',
      `pg-boss took no job for ${key} and has none. Is the queue ${name} being deleted?`,
    )
  }
  if (job.state === 'failed') await wake(queue, { id, key })
}
