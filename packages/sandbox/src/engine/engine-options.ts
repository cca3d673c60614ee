import type { SigningKey } from '@hongbao/core/internal'
import type { EngineClock } from '../clock/clock.ts'
import type { OnChange } from '../delivery/kept-deliveries.ts'
import type { Target } from '../delivery/target.ts'
import type { ActiveFault } from '../faults/faults.ts'
import type { EnvelopeEntry } from './envelopes.ts'
import type { SendWebhooks } from './trigger.ts'

export interface EngineOptions {
  readonly clock: EngineClock
  readonly target?: Target | undefined
  readonly sendWebhooks: SendWebhooks
  readonly key: SigningKey
  readonly responseTimeoutMs: number
  readonly seed: number
  readonly allowRemoteTargets: boolean
  /** How many events are kept at most. Default: all. */
  readonly maxEvents?: number | undefined
  /** Told of every change, to keep it. */
  readonly saver?: Saver | undefined
}

/** Keeps what an engine knows, for the next one. */
export interface Saver {
  delivery(...change: Parameters<OnChange>): void
  evicted(id: string): void
  envelope(entry: EnvelopeEntry): void
  faults(faults: readonly ActiveFault[]): void
  reset(): void
}
