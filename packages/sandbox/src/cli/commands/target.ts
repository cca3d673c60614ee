import type { TargetView } from '../../http/control/types.ts'
import { command, type Group } from '../command.ts'
import { targetUrl } from '../inputs.ts'
import type { Session } from '../session.ts'

export const target: Group = {
  commands: {
    show: command({
      async run(session) {
        show(session, await session.control.get<TargetView>('/state'))
      },
    }),
    set: command({
      args: ['<url>'],
      async run(session, _options, url = '') {
        const body = { target: targetUrl(url) }
        show(session, await session.control.put<TargetView>('/target', body))
      },
    }),
    unset: command({
      async run(session) {
        show(session, await session.control.put<TargetView>('/target', { target: null }))
      },
    }),
  },
}

/** A URL as the result; that there is none is a note. */
function show({ output, texts }: Session, view: TargetView): void {
  if (view.target !== null || output.isJson) {
    output.result({ target: view.target }, String(view.target))
  } else output.note(texts('noTarget'))
}
