import { signal, type Signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { EventDetail } from '../../http/control/types.ts'
import { copyText, dialog, resend, saveFile } from './actions.ts'
import { curlOf, type TabProps } from './attempt.ts'
import { statusText, toneOf } from './event-status.ts'
import { dateTime } from './format.ts'
import { ToneIcon } from './icons.tsx'
import { texts, type Texts } from './language.ts'
import { Foreign, Link } from './parts.tsx'
import { RetryBar } from './retry-bar.tsx'
import { detail, isEventDetail, state } from './store.ts'
import { AnswerTab } from './tab-answer.tsx'
import { CurlTab } from './tab-curl.tsx'
import { DiffTab } from './tab-diff.tsx'
import { EnvelopeTab } from './tab-envelope.tsx'
import { SentTab } from './tab-sent.tsx'
import { SignatureTab } from './tab-signature.tsx'
import { Tabs } from './tabs.tsx'

/** Index of the attempt that is shown; undefined for the last. */
const chosenAttempt: Signal<number | undefined> = signal(undefined)

export function EventPanel({ event }: { readonly event: EventDetail }): JSX.Element {
  const { noTarget, noAttempts } = texts.value.event
  const props = chosenOf(event)
  useEffect(() => {
    chosenAttempt.value = undefined
  }, [event.id])
  return (
    <>
      <EventHead event={event} />
      <RetryBar
        event={event}
        chosen={props === undefined ? -1 : event.attempts.indexOf(props.attempt)}
        onChoose={(index) => (chosenAttempt.value = index)}
      />
      {props === undefined ? (
        <>
          <p class="hint">{event.status === 'undelivered' ? noTarget : noAttempts}</p>
          <EnvelopeTab event={event} />
        </>
      ) : (
        <AttemptTabs {...props} />
      )}
    </>
  )
}

/** The attempt that is shown; undefined before the first. */
function chosenOf(event: EventDetail): TabProps | undefined {
  const last = event.attempts.length - 1
  const index = Math.min(chosenAttempt.value ?? last, last)
  const attempt = event.attempts[index]
  return attempt && { event, attempt, previous: event.attempts[index - 1] }
}

function EventHead({ event }: { readonly event: EventDetail }): JSX.Element {
  const { order, copyOf, causedBy } = texts.value.event
  const { id, type, orderNo, created, from, request } = event
  return (
    <>
      <h2 id="detail-title">
        <ToneIcon tone={toneOf(event)} />
        {type} <span class="muted status">{statusText(event)}</span>
      </h2>
      <p class="about">
        <code>{id}</code>
        {orderNo !== null && (
          <span>
            <span class="muted">{order}</span> <Foreign text={orderNo} />
          </span>
        )}
        <time>{dateTime(created)}</time>
        {from !== null && <Link to={from}>{`${copyOf} ${from}`}</Link>}
        {request !== null && <Link to={request}>{`${causedBy} ${request}`}</Link>}
      </p>
      <EventActions event={event} />
    </>
  )
}

function EventActions({ event }: { readonly event: EventDetail }): JSX.Element {
  const text = texts.value.event
  const actions: readonly (readonly [label: string, key: string, run: () => void])[] = [
    [text.resend, 'r', () => void resend(event.id)],
    [text.edit, 'e', () => (dialog.value = 'resend')],
    [text.copyCurl, 'c', copyCurl],
    [text.failNext, 'f', () => (dialog.value = 'faults')],
    [text.save, '', () => saveFixture(event)],
  ]
  return (
    <div class="actions">
      {actions.map(([label, key, run]) => (
        <button type="button" onClick={run}>
          {label} {key !== '' && <kbd>{key}</kbd>}
        </button>
      ))}
    </div>
  )
}

/** What one needs to deliver the event in a test: the exact body, its headers, and the key to verify it. */
function saveFixture({ id, type, body, signature }: EventDetail): void {
  const headers = {
    'content-type': 'application/json;charset=UTF-8',
    'x-pingplusplus-signature': signature,
  }
  const publicKey = state.value?.publicKey
  saveFile(`${type}.${id}.json`, `${JSON.stringify({ headers, body, publicKey }, null, 2)}\n`)
}

/** Copies the command of the attempt that is shown; before the first attempt there is none. */
export function copyCurl(): void {
  const event = detail.value
  const chosen = isEventDetail(event) ? chosenOf(event) : undefined
  if (chosen !== undefined) void copyText(curlOf(chosen.event, chosen.attempt))
}

const TABS: Readonly<Record<keyof Texts['tabs'], (props: TabProps) => JSX.Element>> = {
  answer: AnswerTab,
  sent: SentTab,
  signature: SignatureTab,
  diff: DiffTab,
  envelope: EnvelopeTab,
  curl: CurlTab,
}

type TabName = keyof typeof TABS

function isTabName(name: string): name is TabName {
  return name in TABS
}

function AttemptTabs(props: TabProps): JSX.Element {
  const [name, setName] = useState<TabName>('answer')
  const { tabs, event } = texts.value
  const Tab = TABS[name]
  return (
    <Tabs
      label={event.attempt(props.attempt.n)}
      tabs={tabs}
      chosen={name}
      onChoose={(choice) => isTabName(choice) && setName(choice)}
    >
      <Tab key={props.attempt.started} {...props} />
    </Tabs>
  )
}
