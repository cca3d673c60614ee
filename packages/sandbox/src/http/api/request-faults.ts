import { setTimeout as sleep } from 'node:timers/promises'
import { once } from 'node:events'
import type { ApiFaultKind } from '../../faults/fault-kind.ts'
import type { ActiveFault } from '../../faults/faults.ts'
import { ApiError } from './api-error.ts'
import { ConnectionCut } from './connection.ts'

const DEFAULT_LATENCY_MS = 1000
const DEFAULT_STATUS = 500

/** What ends a wait before its time. */
export interface WaitEnds {
  /** Fires when whoever asked has left. */
  readonly caller: AbortSignal
  /** Fires when the sandbox gives up what is on its way. */
  readonly sandbox: AbortSignal
}

/**
 * Carries a task out under the faults that fire: late, not at all, or with its answer lost.
 *
 * @throws ApiError where a fault answers
 * @throws ConnectionCut where nothing is answered
 */
export async function runUnderFaults(
  run: () => object,
  faults: readonly ActiveFault[],
  ends: WaitEnds,
): Promise<object> {
  const late = faults.find(({ kind }) => kind === 'api-latency')
  if (late !== undefined) await hold(delay(late.latencyMs ?? DEFAULT_LATENCY_MS), ends)
  if (has(faults, 'api-hang')) await hold(untilAborted, ends)
  if (has(faults, 'api-reset')) throw new ConnectionCut('A fault reset the connection.')
  refuse(faults.find((fault) => fault.kind === 'api-error' || isRefusal(fault, false)))

  const answer = run()
  if (has(faults, 'api-answer-lost')) throw new ConnectionCut('A fault lost the answer.')
  refuse(faults.find((fault) => isRefusal(fault, true)))
  return answer
}

function has(faults: readonly ActiveFault[], kind: ApiFaultKind): boolean {
  return faults.some((fault) => fault.kind === kind)
}

/** The channel refuses; `committed`, after the envelope was made all the same. */
function isRefusal({ kind, committed = false }: ActiveFault, after: boolean): boolean {
  return kind === 'channel-failure' && committed === after
}

function refuse(fault: ActiveFault | undefined): void {
  if (fault === undefined) return
  if (fault.kind === 'channel-failure') throw channelFailure(fault.code)
  const { retryAfterSeconds, status = DEFAULT_STATUS, code } = fault
  throw new ApiError('server-failed', {
    about: { fault: fault.id },
    status,
    code,
    headers: retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) },
  })
}

function channelFailure(code = 'red_system_busy'): ApiError {
  if (code === 'red_system_busy') return new ApiError('channel-busy')
  return new ApiError('channel-failed', { about: { code }, code })
}

type Wait = (signal: AbortSignal) => Promise<void>

/** @throws ConnectionCut where the wait ends before its time */
async function hold(wait: Wait, { caller, sandbox }: WaitEnds): Promise<void> {
  try {
    await wait(AbortSignal.any([caller, sandbox]))
  } catch (cause) {
    const reason = caller.aborted ? 'Whoever asked has left.' : 'The sandbox gave the request up.'
    throw new ConnectionCut(reason, { cause })
  }
}

/** Waits by the wall clock: whoever asked does so too. */
function delay(ms: number): Wait {
  return (signal) => sleep(ms, undefined, { signal })
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
  signal.throwIfAborted()
}
