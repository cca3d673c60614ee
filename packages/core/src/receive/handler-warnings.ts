import { isEventType, suggestType } from '../events/event.ts'
import { logLine, type ChooseLogger, type Logger } from '../options/logger.ts'

/** Warns of handlers that are missing or misspelt: to Ping++ both look like success. */
export interface HandlerWarnings {
  /** A verified event met no handler. Warns once for each type in the catalogue. */
  unhandled(type: string, hasNoHandlers: boolean, ofRequest: Logger | undefined): void
  /** A handler was added for a type that Ping++ is not known to send. */
  unknownType(type: string): void
}

export function createHandlerWarnings(chooseLogger: ChooseLogger): HandlerWarnings {
  const warned = new Set<string>()

  return {
    unhandled(eventType, hasNoHandlers, ofRequest) {
      // A type that is not in the catalogue may be any text, and is not remembered.
      const subject = hasNoHandlers ? '*' : eventType
      if (warned.has(subject) || (subject !== '*' && !isEventType(eventType))) return
      warned.add(subject)
      const logger = chooseLogger(ofRequest)
      const fields = { code: 'no-handler', eventType }
      if (hasNoHandlers) logLine(logger, 'error', NO_HANDLERS, fields)
      else logLine(logger, 'warn', noHandlerOf(eventType), fields)
    },
    unknownType(eventType) {
      logLine(chooseLogger(), 'warn', unknownTypeOf(eventType), { code: 'unknown-type', eventType })
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
