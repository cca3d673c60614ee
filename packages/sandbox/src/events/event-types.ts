import { isEventType, type EventType } from '@hongbao/core'
import { CATALOGUE, nearestTo } from '@hongbao/core/internal'

/** All event types that the sandbox knows. */
export const EVENT_TYPES: readonly EventType[] = Object.keys(CATALOGUE).filter(isEventType)

/** "Did you mean …?" for an unknown type, and where all types are listed. */
export function suggestEventType(type: string): string {
  const near = nearestTo(type, EVENT_TYPES)
  const question = near === undefined ? '' : `Did you mean ${near}? `
  return `${question}All of them: npx hongbao-sandbox trigger --list`
}
