import { durationIn } from './format.ts'
import { texts } from './language.ts'

/** Milliseconds in the language of the page. */
export function formatDuration(ms: number): string {
  return durationIn(texts.value.units, ms)
}

/** How long something is still to come, in whole seconds. */
export function formatWait(ms: number): string {
  return formatDuration(Math.max(1, Math.ceil(ms / 1000)) * 1000)
}
