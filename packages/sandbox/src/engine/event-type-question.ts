import { isEventType } from '@hongbao/core'
import { CATALOGUE } from '@hongbao/core/internal'

/** Asks whether another type was meant, and says where all are; for the end of a message. */
export function askForEventType(type: string): string {
  const known = Object.keys(CATALOGUE).filter(isEventType)
  const near = known.find((each) => isNear(type.toLowerCase(), each))
  const question = near === undefined ? '' : `Did you mean ${near}? `
  return `${question}All of them: npx hongbao-sandbox trigger --list`
}

/** Whether a text becomes another one by up to two slips: a character too many, too few, or a wrong one. */
function isNear(typed: string, meant: string, slips = 2): boolean {
  let at = 0
  while (at < typed.length && typed[at] === meant[at]) at += 1
  if (at === typed.length && at === meant.length) return true
  if (slips === 0) return false
  const [rest, wanted] = [typed.slice(at), meant.slice(at)]
  return (
    isNear(rest.slice(1), wanted, slips - 1) ||
    isNear(rest, wanted.slice(1), slips - 1) ||
    isNear(rest.slice(1), wanted.slice(1), slips - 1)
  )
}
