import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { dialog, probe, setTarget, type Dialog } from './actions.ts'
import { FaultDialog } from './fault-dialog.tsx'
import { texts, type Texts } from './language.ts'
import { ResendDialog } from './resend-dialog.tsx'
import { Fact } from './parts.tsx'
import { state } from './store.ts'
import { ProbeLine, TargetForm } from './target-form.tsx'
import { TriggerDialog } from './trigger-dialog.tsx'

const DIALOGS: Readonly<
  Record<Dialog, readonly [title: (text: Texts) => string, content: () => JSX.Element | null]>
> = {
  trigger: [({ bar }) => bar.trigger, TriggerDialog],
  resend: [({ event }) => event.edit, ResendDialog],
  faults: [({ bar }) => bar.faults, FaultDialog],
  target: [({ bar }) => bar.target, TargetDialog],
  help: [({ help }) => help.title, HelpDialog],
}

/** The dialog that is open. */
export function Dialogs(): JSX.Element | null {
  const name = dialog.value
  return name === undefined ? null : <Modal key={name} name={name} />
}

/** The browser's own dialog: it keeps the focus inside, closes with Escape, and gives the focus back. */
function Modal({ name }: { readonly name: Dialog }): JSX.Element {
  const element = useRef<HTMLDialogElement>(null)
  const [title, Content] = DIALOGS[name]
  useEffect(() => element.current?.showModal(), [])
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={() => (dialog.value = undefined)}>
      <h2>
        <span id="dialog-title">{title(texts.value)}</span>
        <button type="button" class="quiet" onClick={() => element.current?.close()}>
          {texts.value.close} <kbd>esc</kbd>
        </button>
      </h2>
      <Content />
    </dialog>
  )
}

function TargetDialog(): JSX.Element {
  useEffect(() => void probe(), [])
  return (
    <>
      <TargetForm id="target" />
      {state.value?.target !== null && (
        <>
          <ProbeLine />
          <button type="button" onClick={() => void setTarget(null)}>
            {texts.value.target.remove}
          </button>
        </>
      )}
    </>
  )
}

function HelpDialog(): JSX.Element {
  const { bar, close, event, help, list } = texts.value
  const keys = {
    'j k': help.move,
    '↵': help.open,
    g: help.newest,
    '/': list.filter,
    r: event.resend,
    e: event.edit,
    c: event.copyCurl,
    f: event.failNext,
    n: bar.nextRetry,
    t: bar.trigger,
    '?': help.title,
    esc: close,
  }
  return (
    <dl class="keys">
      {Object.entries(keys).map(([names, about]) => (
        <Fact name={names}>{about}</Fact>
      ))}
    </dl>
  )
}
