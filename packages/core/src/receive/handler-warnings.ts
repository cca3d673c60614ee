import { isEventType, suggestType } from '../events/event.ts'
import { callSafely, type Logger } from '../options/logger.ts'

/** Warns of handlers that are missing or misspelt: to Ping++ both look like success. */
export interface HandlerWarnings {
  /** A verified event met no handler. Warns once for each type in the catalogue. */
  unhandled(type: string, hasNoHandlers: boolean): void
  /** A handler was added for a type that Ping++ is not known to send. */
  unknownType(type: string): void
}

export function createHandlerWarnings(logger: Logger): HandlerWarnings {
  const warned = new Set<string>()

  return {
    unhandled(type, hasNoHandlers) {
      // A type that is not in the catalogue may be any text, and is not remembered.
      const subject = hasNoHandlers ? '*' : type
      if (warned.has(subject) || (subject !== '*' && !isEventType(type))) return
      warned.add(subject)
      if (hasNoHandlers) callSafely(() => logger.error(NO_HANDLERS))
      else callSafely(() => logger.warn(noHandlerOf(type)))
    },
    unknownType(type) {
      callSafely(() => logger.warn(unknownTypeOf(type)))
    },
  }
}

const NO_HANDLERS =
  '[hongbao] Received a verified event, but no handlers are registered. Is the module that calls `webhooks.on` imported?'

function noHandlerOf(type: string): string {
  return `[hongbao] Received a ${type}, but no handler is registered for it, so nothing was done. Is the module that calls on('${type}', …) imported? If the type needs no work, write on('${type}', () => {}). This is logged once per type.`
}

function unknownTypeOf(type: string): string {
  const suggestion = suggestType(type)
  const hint = suggestion === undefined ? 'Is it misspelt?' : `Did you mean '${suggestion}'?`
  return `[hongbao] on('${type}'): Ping++ is not known to send this type, so the handler may never run. ${hint} If the type is right, write on(unlisted('${type}'), …).`
}
