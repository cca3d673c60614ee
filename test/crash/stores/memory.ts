import { memoryInbox, type Receiver } from '@hongbao/core'
import { createReceiver, outsideEffect, watch, type Ground } from '../ground.ts'
import type { Store } from '../store.ts'

export const memoryStore: Store = {
  async open(ground: Ground): Promise<Receiver> {
    const inbox = watch(memoryInbox({ retentionSeconds: 30 * 24 * 60 * 60 }), ground)
    return createReceiver(ground, { inbox }).on('*', outsideEffect(ground))
  },
}
