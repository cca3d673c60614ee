import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiFaultKind } from '../../faults/fault-kind.ts'
import type { ActiveFault } from '../../faults/faults.ts'
import { ApiError } from './api-error.ts'
import { ConnectionCut } from './connection.ts'

const DEFAULT_LATENCY_MS = 1000

/**
 * Carries out a request under the faults that fire: late, not at all, or with its answer lost.
 *
 * @param caller aborted when the caller has left
 * @param sandbox aborted when the sandbox is reset or closed
 * @throws ApiError if a fault answers
 * @throws ConnectionCut if there is no answer
 */
export async function runUnderFaults(
  run: () => object,
  faults: readonly ActiveFault[],
  caller: AbortSignal,
  sandbox: AbortSignal,
): Promise<object> {
  const find = (kind: ApiFaultKind) => faults.find((fault) => fault.kind === kind)
  const [late, error, refusal] = [find('api-latency'), find('api-error'), find('channel-failure')]
  if (late !== undefined) await wait(caller, sandbox, late.latencyMs ?? DEFAULT_LATENCY_MS)
  if (find('api-hang') !== undefined) await wait(caller, sandbox)
  if (find('api-reset') !== undefined) throw new ConnectionCut('A fault reset the connection.')
  if (error !== undefined) throw serverFailure(error)
  if (refusal !== undefined && refusal.committed !== true) throw channelFailure(refusal.code)

  const answer = run()
  if (find('api-answer-lost') !== undefined) throw new ConnectionCut('A fault lost the answer.')
  if (refusal !== undefined) throw channelFailure(refusal.code)
  return answer
}

function serverFailure({ id, status = 500, code, retryAfterSeconds }: ActiveFault): ApiError {
  const headers =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }
  return new ApiError('server-failed', { about: { fault: id }, status, code, headers })
}

function channelFailure(code = 'red_system_busy'): ApiError {
  if (code === 'red_system_busy') return new ApiError('channel-busy')
  return new ApiError('channel-failed', { about: { code }, code })
}

/**
 * Waits by the wall clock, as the caller does; without a time, until the end.
 *
 * @throws ConnectionCut if the wait ends early
 */
async function wait(caller: AbortSignal, sandbox: AbortSignal, ms?: number): Promise<void> {
  const signal = AbortSignal.any([caller, sandbox])
  try {
    if (ms !== undefined) await sleep(ms, undefined, { signal })
    else if (!signal.aborted) await once(signal, 'abort')
    signal.throwIfAborted()
  } catch (cause) {
    const reason = caller.aborted ? CALLER_LEFT : 'The sandbox was reset or closed.'
    throw new ConnectionCut(reason, { cause })
  }
}

export const CALLER_LEFT = 'The caller has left.'
