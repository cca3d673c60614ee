import type { Receiver } from '@hongbao/core'
import type { Addresses } from './addresses.ts'
import type { Fixture } from './fixture.ts'

/** A store as the trial needs it: seen from an app process, and from outside. */
export interface Store {
  /** In an app process: opens the store and returns the receiver to mount. */
  open(fixture: Fixture): Promise<Receiver>
  /** From outside, before the first app starts. */
  prepare?(addresses: Addresses): Promise<void>
  /** From outside: how many events were handed off and still wait to be applied. */
  countWaiting?(addresses: Addresses): Promise<number>
  /**
   * From outside, every now and then: lets time pass in the store if something would take
   * minutes, as the sandbox's clock does for retries.
   */
  passTime?(addresses: Addresses): Promise<void>
}

/** How long a lease lasts: short, so that it ends while the sender still tries. */
export const LEASE_MS = 2000
