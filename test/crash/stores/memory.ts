import { memoryInbox, type Receiver } from '@hongbao/core'
import { createReceiver, outsideEffect, watch, type Fixture } from '../fixture.ts'
import type { Store } from '../store.ts'

export const memoryStore: Store = {
  async open(fixture: Fixture): Promise<Receiver> {
    const inbox = watch(memoryInbox({ retentionSeconds: 30 * 24 * 60 * 60 }), fixture)
    return createReceiver(fixture, { inbox }).on('*', outsideEffect(fixture))
  },
}
