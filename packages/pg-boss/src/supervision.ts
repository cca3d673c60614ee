import type { Warn } from '@hongbao/hand-off'
import type { Boss, BossQueue } from './boss-queue.ts'

/**
 * Warns if no running pg-boss has `supervise`: nothing notices then that a worker crashed, and its
 * jobs stay `active` for ever.
 */
export async function warnOfNoSupervisor({ boss, label }: BossQueue, warn: Warn): Promise<void> {
  if (!(await lacksSupervisor(boss))) return
  warn(
    'pg-boss-unsupervised',
    `No running pg-boss of ${label} has \`supervise\`, so the jobs of a worker that crashes are NEVER TRIED AGAIN. Leave \`supervise\` at its default, true, in at least one process, or call \`boss.supervise()\` once a minute.`,
  )
}

async function lacksSupervisor(boss: Boss): Promise<boolean> {
  try {
    const instances = await boss.getInstances({ limit: MOST_LISTED })
    const live = instances.filter((instance) => instance.live)
    // With `registerInstance: false` a process is not listed, and does not know of itself.
    return live.length > 0 && !live.some((instance) => instance.supervise)
  } catch {
    return false
  }
}

// What pg-boss gives in one answer.
const MOST_LISTED = 100_000
