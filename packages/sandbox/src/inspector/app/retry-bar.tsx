import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { AttemptDetail, EventDetail, EventView, ListAnswer } from '../../http/control/types.ts'
import { advance } from './actions.ts'
import { read } from './api.ts'
import { lanesOf, placeOf, planAhead, TICKS_MS, timeAt, type Planned } from './bar-scale.ts'
import { formatDuration } from './duration.ts'
import { dateTime } from './format.ts'
import { texts } from './language.ts'
import { ByFault } from './parts.tsx'
import { now, state } from './store.ts'

interface BarProps {
  readonly event: EventDetail
  /** Index of the attempt that is shown. */
  readonly chosen: number
  readonly onChoose: (index: number) => void
}

/** 25 hours on a logarithmic axis: attempts that were made, those that are planned, and the clock's hand. */
export function RetryBar({ event, chosen, onChoose }: BarProps): JSX.Element {
  const [wantedMs, setWantedMs] = useState(0)
  const { retries } = texts.value
  const firstMs = firstOf(event)
  const planned = plannedOf(event)

  /** A click beside the marks also offers to advance to that time. */
  function offerTime({ currentTarget, target, clientX }: MouseEvent): void {
    if (!(currentTarget instanceof HTMLElement) || target !== currentTarget) return
    const { left, width } = currentTarget.getBoundingClientRect()
    setWantedMs(firstMs + timeAt((clientX - left) / width))
  }

  return (
    <figure class="retries" aria-label={retries.label}>
      <div class="axis" onClick={offerTime}>
        {TICKS_MS.map((ms) => (
          <span class="tick" style={leftAt(ms)} aria-hidden="true">
            {ms === 0 ? ms : formatDuration(ms)}
          </span>
        ))}
        <MadeMarks event={event} chosen={chosen} onChoose={onChoose} />
        {planned.map(({ n, dueMs }) => (
          <button
            type="button"
            class="dot planned"
            style={leftAt(dueMs - firstMs)}
            aria-pressed={dueMs === wantedMs}
            {...named(texts.value.event.attempt(n), retries.planned, dateTime(dueMs))}
            onClick={() => setWantedMs(dueMs)}
          />
        ))}
        <span class="hand" style={leftAt(now.value - firstMs)} />
      </div>
      {wantedMs > now.value && (
        <AdvanceOffer event={event.id} toMs={wantedMs} onDone={() => setWantedMs(0)} />
      )}
      <AttemptTable event={event} planned={planned} onChoose={onChoose} />
    </figure>
  )
}

/** When the first attempt was made or is due; the bar starts there. */
function firstOf({ attempts, created, nextAttempt }: EventDetail): number {
  return Date.parse(attempts[0]?.started ?? nextAttempt ?? created)
}

/** What is still to come: exact for the next attempt, reckoned for those after it. */
function plannedOf({ attempts, nextAttempt }: EventDetail): readonly Planned[] {
  if (nextAttempt === null) return []
  const made = attempts.findLast(({ kind }) => kind === 'scheduled')?.n ?? 0
  return planAhead(Date.parse(nextAttempt), made + 1, state.value?.schedule ?? [])
}

/** By the style object, which the policy of the page allows; it forbids the attribute. */
function leftAt(sinceFirstMs: number): { readonly left: string } {
  return { left: `${placeOf(sinceFirstMs) * 100}%` }
}

/** The name of a mark, for pointers and for screen readers. */
function named(...parts: readonly string[]): { 'aria-label': string; title: string } {
  const name = parts.join(', ')
  return { 'aria-label': name, title: name }
}

/** `✓ 200`, `✗ timeout`. */
export function resultOf({ status, errorCode, ok }: AttemptDetail): string {
  const reason = errorCode === 'fault' ? '' : (errorCode ?? '')
  return `${ok ? '✓' : '✗'} ${status ?? reason}`
}

function MadeMarks({ event, chosen, onChoose }: BarProps): JSX.Element {
  const firstMs = firstOf(event)
  const since = event.attempts.map(({ started }) => Date.parse(started) - firstMs)
  const lanes = lanesOf(since.map(placeOf))
  return (
    <>
      {event.attempts.map((attempt, index) => {
        const { n, ok, faults } = attempt
        const ring = faults.length > 0 ? 'ring' : ''
        return (
          <button
            type="button"
            class={`dot ${ok ? 'ok' : 'failed'} ${ring} lane-${lanes[index]}`}
            style={leftAt(since[index] ?? 0)}
            aria-pressed={index === chosen}
            {...named(texts.value.event.attempt(n), resultOf(attempt), ...faults)}
            onClick={() => onChoose(index)}
          >
            <svg viewBox="0 0 16 16">
              <path d={ok ? 'M4 8.5l3 2.8 5-6' : 'M5 5l6 6M11 5l-6 6'} />
            </svg>
          </button>
        )
      })}
    </>
  )
}

/** "Advance to here", with what else will run on the way. */
function AdvanceOffer(props: {
  readonly event: string
  readonly toMs: number
  readonly onDone: () => void
}): JSX.Element {
  const { retries, cancel } = texts.value
  const to = new Date(props.toMs).toISOString()
  const [pending, setPending] = useState<readonly EventView[]>([])
  // Not of the list, which may be filtered.
  useEffect(() => {
    const query = 'events?status=pending&limit=1000'
    void read<ListAnswer<EventView>>(query).then(
      ({ data }) => setPending(data),
      () => {},
    )
  }, [to])
  const others = pending.filter(
    ({ id, nextAttempt }) => id !== props.event && nextAttempt !== null && nextAttempt <= to,
  )
  return (
    <p class="offer" role="status">
      <button type="button" class="primary" onClick={() => void advance({ to }).then(props.onDone)}>
        {retries.advance}
      </button>
      <button type="button" onClick={props.onDone}>
        {cancel}
      </button>
      {dateTime(props.toMs)}
      <span class="muted">{retries.alsoRuns(others.length)}</span>
    </p>
  )
}

/** The same as the bar, for those who cannot see it, and to copy from. */
function AttemptTable(props: {
  readonly event: EventDetail
  readonly planned: readonly Planned[]
  readonly onChoose: (index: number) => void
}): JSX.Element {
  const { event, planned, onChoose } = props
  const { retries, event: text, bar } = texts.value
  const since = (ms: number) => formatDuration(ms - firstOf(event))
  return (
    <details>
      <summary>{retries.table}</summary>
      <table>
        <tr>
          <th scope="col">#</th>
          <th scope="col">{retries.after}</th>
          <th scope="col">{bar.clock}</th>
          <th scope="col">{retries.result}</th>
        </tr>
        {event.attempts.map((attempt, index) => (
          <tr>
            <td>
              <button
                type="button"
                class="link"
                aria-label={text.attempt(attempt.n)}
                onClick={() => onChoose(index)}
              >
                {attempt.n}
              </button>{' '}
              {attempt.kind !== 'scheduled' && retries[attempt.kind]}
            </td>
            <td>{since(Date.parse(attempt.started))}</td>
            <td>{dateTime(attempt.started)}</td>
            <td class={attempt.ok ? 'ok' : 'failed'}>
              {resultOf(attempt)} <ByFault faults={attempt.faults} isNamed />
            </td>
          </tr>
        ))}
        {planned.map(({ n, dueMs }) => (
          <tr class="muted">
            <td>{n}</td>
            <td>{since(dueMs)}</td>
            <td>{dateTime(dueMs)}</td>
            <td>{retries.planned}</td>
          </tr>
        ))}
      </table>
    </details>
  )
}
