import { isEventType, type EventType } from '@hongbao/core'
import { CATALOGUE, nearestTo } from '@hongbao/core/internal'
import { quote, Refusal } from '../errors.ts'

/** All event types that the sandbox knows. */
export const EVENT_TYPES: readonly EventType[] = Object.keys(CATALOGUE).filter(isEventType)

/** Refuses an unknown type, that of an event or of a fault's `match`, and suggests the nearest. */
export function unknownType(type: string, of: 'type' | 'match-type' = 'type'): Refusal {
  const near = nearestTo(type, EVENT_TYPES)
  const asked = quote(type)
  if (near === undefined) return new Refusal(`${of}-unknown`, { asked })
  return new Refusal(`${of}-misspelt`, { asked, near })
}
