import type { EventView } from '../../http/control/types.ts'
import type { Tone } from './icons.tsx'
import { texts } from './language.ts'
import { isFailed } from './threads.ts'

/** Status of an event → how it is shown. */
export function toneOf(event: EventView): Tone {
  if (event.status === 'delivered') return 'ok'
  if (event.status === 'exhausted') return 'failed'
  if (event.status === 'undelivered') return 'off'
  return isFailed(event) ? 'failing' : 'waiting'
}

export function statusText(event: EventView): string {
  const { status } = texts.value
  if (isFailed(event)) return event.status === 'exhausted' ? status.exhausted : status.failing
  return status[event.status]
}
