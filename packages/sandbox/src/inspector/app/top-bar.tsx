import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { advance, dialog, nextDelivery, reset, setSpeed } from './actions.ts'
import { formatDuration, formatWait } from './duration.ts'
import { clockTime, dateTime } from './format.ts'
import { Bolt, Mark, ToneIcon } from './icons.tsx'
import { language, switchLanguage, texts } from './language.ts'
import { connection, now, refusal, restartedAt, state } from './store.ts'

const HOUR_MS = 3_600_000

export function TopBar(): JSX.Element {
  const { title, otherLanguage, bar } = texts.value
  const { faults = 0, keyFingerprint = '' } = state.value ?? {}
  return (
    <div class="top">
      <h1>
        <Mark />
        {title}
      </h1>
      <TargetButton />
      <ClockGroup />
      <span class="push" />
      <button type="button" onClick={() => (dialog.value = 'faults')}>
        <Bolt />
        {bar.faults}
        <b class={faults > 0 ? 'count on' : 'count'}>{faults}</b>
      </button>
      <span title={keyFingerprint}>
        <span class="muted">{bar.key}</span> <code>{keyFingerprint.slice(0, 8)}</code>
      </span>
      <span class={`live ${connection.value}`} role="status">
        <i />
        {bar[connection.value]}
      </span>
      <button
        type="button"
        class="quiet"
        lang={language.value === 'zh' ? 'en' : 'zh-CN'}
        onClick={switchLanguage}
      >
        {otherLanguage}
      </button>
      <button type="button" class="primary" onClick={() => (dialog.value = 'trigger')}>
        {bar.trigger}
      </button>
    </div>
  )
}

/** The target, with the result of the last attempt to it; a click changes it. */
function TargetButton(): JSX.Element {
  const { bar } = texts.value
  const { target = null, lastAttempt = null } = state.value ?? {}
  return (
    <button type="button" class="target" onClick={() => (dialog.value = 'target')}>
      <span class="muted">{bar.target}</span>
      {target === null ? <span class="warn">{bar.noTarget}</span> : <code>{target}</code>}
      {target !== null && lastAttempt !== null && (
        <>
          <ToneIcon tone={lastAttempt.ok ? 'ok' : 'failed'} />
          {lastAttempt.status ?? lastAttempt.errorCode}
        </>
      )}
    </button>
  )
}

function ClockGroup(): JSX.Element {
  const { bar } = texts.value
  const { nextDelivery: next = null, speed = 1 } = state.value?.clock ?? {}
  return (
    <div class="clock" role="group" aria-label={bar.clock}>
      <time class="now">{dateTime(now.value).slice('2026-'.length)}</time>
      <select
        aria-label={bar.speed}
        title={bar.speed}
        value={speed}
        onChange={({ currentTarget }) => void setSpeed(Number(currentTarget.value))}
      >
        {[...new Set([0, 1, 60, 3600, speed])].map((each) => (
          <option value={each}>{each === 0 ? bar.stopped : `×${each}`}</option>
        ))}
      </select>
      <button type="button" disabled={next === null} onClick={() => void nextDelivery()}>
        <span class="failed">▸</span>
        {bar.nextRetry}
        {next !== null && <span class="muted">{formatWait(Date.parse(next) - now.value)}</span>}
      </button>
      <button type="button" onClick={() => void advance({ ms: HOUR_MS })}>
        +{formatDuration(HOUR_MS)}
      </button>
      <button type="button" onClick={() => void advance({ ms: 25 * HOUR_MS })}>
        +{formatDuration(25 * HOUR_MS)}
      </button>
    </div>
  )
}

/** What one must know before reading the rest: the clock is ahead, or the sandbox was restarted. */
export function Notes(): JSX.Element {
  const { close, bar } = texts.value
  const aheadMs = state.value?.clock.aheadMs ?? 0
  return (
    <>
      {refusal.value !== undefined && (
        <p class="note failed" role="alert">
          {refusal}
        </p>
      )}
      {aheadMs >= HOUR_MS && <AheadNote aheadMs={aheadMs} />}
      {restartedAt.value !== undefined && (
        <p class="note" role="status">
          {bar.restarted(clockTime(restartedAt.value))}
          <button type="button" onClick={() => (restartedAt.value = undefined)}>
            {close}
          </button>
        </p>
      )}
    </>
  )
}

/** Resetting removes everything, so the button asks first. */
function AheadNote({ aheadMs }: { readonly aheadMs: number }): JSX.Element {
  const { cancel, bar } = texts.value
  const [isAsked, setAsked] = useState(false)
  return (
    <p class="note failed">
      {isAsked ? bar.resetSure : bar.ahead(formatDuration(aheadMs))}
      <button type="button" onClick={() => (isAsked ? void reset() : setAsked(true))}>
        {bar.reset}
      </button>
      {isAsked && (
        <button type="button" onClick={() => setAsked(false)}>
          {cancel}
        </button>
      )}
    </p>
  )
}
