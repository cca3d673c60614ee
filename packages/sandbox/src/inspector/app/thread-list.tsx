import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { EventView, RequestView } from '../../http/control/types.ts'
import { statusText, toneOf } from './event-status.ts'
import { formatWait } from './duration.ts'
import { clockTime } from './format.ts'
import { ToneIcon } from './icons.tsx'
import { texts } from './language.ts'
import { ByFault, Foreign, StatusPill } from './parts.tsx'
import {
  address,
  hasOlder,
  now,
  pinRows,
  pinned,
  rowIds,
  setAddress,
  shown,
  state,
} from './store.ts'
import { isFailed, isRefused, type Item, type Thread } from './threads.ts'

export function ThreadList(): JSX.Element {
  const { list } = texts.value
  return (
    <section class="list" aria-label={list.label}>
      <div class="filter">
        <input
          id="filter"
          type="search"
          aria-label={list.filter}
          placeholder={`${list.filter}  type: status: order: fault:`}
          value={address.value.q}
          onInput={({ currentTarget }) => setAddress({ q: currentTarget.value })}
        />
      </div>
      <Rows />
      <Summary />
    </section>
  )
}

function Rows(): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const { threads, newRows, isCut } = shown.value
  const { events, requests } = hasOlder.value
  const { list } = texts.value

  /** New rows are shown at once only to a reader who is at the top and not in the list. */
  function pinOrFollow(): void {
    if ((box.current?.scrollTop ?? 0) > 8) pinRows()
    else if (box.current?.contains(document.activeElement) !== true) pinned.value = undefined
  }

  return (
    <div class="rows" ref={box} onScroll={pinOrFollow} onFocusIn={pinRows} onFocusOut={pinOrFollow}>
      {newRows > 0 && (
        <button type="button" class="primary new-rows" onClick={showNewest}>
          {list.newRows(newRows)} ↑
        </button>
      )}
      {threads.length === 0 ? (
        <p class="muted nothing">{address.value.q === '' ? list.nothing : list.noMatch}</p>
      ) : (
        <div role="listbox" aria-label={list.label}>
          {threads.map((thread) => (
            <ThreadGroup key={thread.key} thread={thread} />
          ))}
        </div>
      )}
      {(isCut || events === true || requests === true) && <p class="muted nothing">{list.older}</p>}
    </div>
  )
}

/** Shows the rows that came since, and goes to the top. */
export function showNewest(): void {
  pinned.value = undefined
  document.querySelector('.rows')?.scrollTo({ top: 0 })
}

function ThreadGroup({ thread }: { readonly thread: Thread }): JSX.Element {
  const { key, orderNo, envelope, items, latest } = thread
  const name = orderNo === '' ? key : orderNo
  return (
    <div role="group" aria-label={name} class="thread">
      <div class="thread-head" role="presentation">
        <b class="order">
          <Foreign text={name} />
        </b>
        {envelope !== undefined && <StatusPill status={envelope.status} />}
        <time class="muted">{clockTime(latest)}</time>
      </div>
      {items.map((item) => (
        <Row key={item.id} item={item} />
      ))}
    </div>
  )
}

/** One tab stop for the whole list: the selected row, or the first (ARIA practices, listbox). */
function Row({ item }: { readonly item: Item }): JSX.Element {
  const { id } = item
  const row = useRef<HTMLDivElement>(null)
  const { open } = address.value
  const isSelected = open === id
  const isStop = isSelected || (rowIds.value[0] === id && !rowIds.value.includes(open))
  useEffect(() => {
    if (isSelected) row.current?.scrollIntoView({ block: 'nearest' })
  }, [isSelected])
  return (
    <div
      ref={row}
      id={`row-${id}`}
      role="option"
      class={`row ${item.kind}`}
      tabIndex={isStop ? 0 : -1}
      aria-selected={isSelected}
      onClick={() => setAddress({ open: id })}
    >
      {item.kind === 'event' ? <EventRow event={item.event} /> : <RequestRow {...item.request} />}
    </div>
  )
}

function EventRow({ event }: { readonly event: EventView }): JSX.Element {
  const { list } = texts.value
  const { type, attemptCount, lastAttempt, nextAttempt, faults, from } = event
  const of = (state.value?.schedule.length ?? 0) + 1
  return (
    <>
      <ToneIcon tone={toneOf(event)} />
      <span class="what">
        {type}
        {from !== null && <span class="tag">{list.edited}</span>}
      </span>
      <ByFault faults={faults} />
      {nextAttempt !== null && (
        <span class="muted">{list.next(formatWait(Date.parse(nextAttempt) - now.value))}</span>
      )}
      <span class="result">
        {lastAttempt === null
          ? statusText(event)
          : `${attemptCount}/${of} · ${lastAttempt.status ?? lastAttempt.errorCode}`}
      </span>
    </>
  )
}

function RequestRow(request: RequestView): JSX.Element {
  const { method, path, status, signature, faults } = request
  return (
    <>
      <ToneIcon tone={isRefused(request) ? 'failed' : 'ok'} />
      <span class="what">
        <b>{method}</b> <Foreign text={path} />
      </span>
      <ByFault faults={faults} />
      {signature === 'invalid' && <span class="warn">{texts.value.requestSignature.invalid}</span>}
      <span class="result">{status === 0 ? '—' : status}</span>
    </>
  )
}

/** Counts only, and politely: a screen reader would never end if it read every row. */
function Summary(): JSX.Element {
  const items = shown.value.threads.flatMap((thread) => thread.items)
  const failed = items.filter((item) => item.kind === 'event' && isFailed(item.event)).length
  return (
    <p class="summary muted" aria-live="polite">
      {texts.value.list.summary(items.length, failed)}
    </p>
  )
}
