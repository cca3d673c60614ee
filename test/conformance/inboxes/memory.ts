import { memoryInbox } from '@hongbao/core'
import type { InboxHost } from '../inbox-host.ts'

/** The default inbox. The effects stand elsewhere, and outlive the process. */
export const memoryHost: InboxHost = {
  name: 'memoryInbox',
  hold: 'process',
  modelRuns: 2000,
  start() {
    const effects: string[] = []
    let seconds = 0
    return Promise.resolve({
      open() {
        const inbox = memoryInbox({ now: () => seconds * 1000 })
        return Promise.resolve({
          retentionSeconds: inbox.retentionSeconds,
          admit: (key, work) =>
            inbox.admit(key, () =>
              work(async () => {
                effects.push(key)
              }),
            ),
          crash: () => Promise.resolve(),
          close: () => Promise.resolve(),
        })
      },
      countEffects: (key) => Promise.resolve(effects.filter((effect) => effect === key).length),
      advance(by) {
        seconds += by
        return Promise.resolve()
      },
      clean: () => Promise.resolve(),
      takeAway: () => Promise.reject(new Error('There is no taking away inside one process.')),
      close: () => Promise.resolve(),
    })
  },
}
