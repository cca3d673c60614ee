/** Something that waits for its time. */
export interface Queued {
  readonly dueMs: number
  /** Its place in the queue; -1 once it has left. Kept by the queue alone. */
  place: number
  /** Tells entries of one instant apart: the first in is the first out. Kept by the queue alone. */
  order: number
}

/** What waits for its time, soonest first, and within an instant in the order in which it came. */
export interface TimerQueue<Entry extends Queued> {
  add(entry: Entry): void
  /** Takes an entry out, wherever it stands; nothing where it has left. */
  remove(entry: Entry): void
  first(): Entry | undefined
  shift(): Entry | undefined
  /** Due times, soonest first. */
  dueTimes(): readonly number[]
  clear(): void
}

/** A binary heap whose entries know their place: adding, taking out and cancelling cost log n. */
export function createTimerQueue<Entry extends Queued>(): TimerQueue<Entry> {
  let heap: Entry[] = []
  let added = 0

  function add(entry: Entry): void {
    added += 1
    entry.order = added
    heap.push(entry)
    rise(entry, heap.length - 1)
  }

  function remove(entry: Entry): void {
    const { place } = entry
    if (place === -1) return
    entry.place = -1
    const last = heap.pop()
    if (last === undefined || last === entry) return
    // The last one takes the free place, from where it may have to go either way.
    rise(last, place)
    sink(last, last.place)
  }

  function rise(entry: Entry, from: number): void {
    let place = from
    while (place > 0) {
      const parent = heap[(place - 1) >> 1]
      if (parent === undefined || !isBefore(entry, parent)) break
      put(parent, place)
      place = (place - 1) >> 1
    }
    put(entry, place)
  }

  function sink(entry: Entry, from: number): void {
    let place = from
    for (;;) {
      const child = soonerChild(place)
      if (child === undefined || !isBefore(child, entry)) break
      const next = child.place
      put(child, place)
      place = next
    }
    put(entry, place)
  }

  function soonerChild(place: number): Entry | undefined {
    const left = heap[2 * place + 1]
    const right = heap[2 * place + 2]
    if (left === undefined || right === undefined) return left
    return isBefore(right, left) ? right : left
  }

  function put(entry: Entry, place: number): void {
    heap[place] = entry
    entry.place = place
  }

  return {
    add,
    remove,
    first: () => heap[0],
    shift() {
      const first = heap[0]
      if (first !== undefined) remove(first)
      return first
    },
    dueTimes: () => heap.map(({ dueMs }) => dueMs).toSorted((one, other) => one - other),
    clear() {
      for (const entry of heap) entry.place = -1
      heap = []
    },
  }
}

function isBefore(one: Queued, other: Queued): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order)
}
