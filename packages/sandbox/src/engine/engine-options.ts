import type { EngineClock } from '../clock/clock.ts'
import type { Delivery } from '../delivery/kept-deliveries.ts'
import type { ActiveFault } from '../faults/faults.ts'
import type { EnvelopeEntry } from './envelopes.ts'
import type { Settings } from '../options.ts'

type Used = 'target' | 'sendWebhooks' | 'key' | 'responseTimeoutMs' | 'seed' | 'allowRemote'

export interface EngineOptions extends Pick<Settings, Used | 'maxEvents'> {
  readonly clock: EngineClock
  /** Told of every change, to keep it. */
  readonly saver?: Saver | undefined
}

/** Keeps what an engine knows, for the next one. */
export interface Saver {
  delivery(delivery: Delivery): void
  evicted(id: string): void
  envelope(entry: EnvelopeEntry): void
  faults(faults: readonly ActiveFault[]): void
  reset(): void
}
