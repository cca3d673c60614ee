/** In milliseconds: hour, minute, second. */
const SIZES = [3_600_000, 60_000, 1000] as const

/**
 * Milliseconds → `350 ms`, `5 s`, `2 min 15 s`, `1 h 47 min`: at most two units.
 *
 * @param units for hour, minute, second and millisecond
 */
export function durationIn(units: readonly string[], ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ${units[3]}`
  let rest = ms
  const parts: string[] = []
  for (const [index, size] of SIZES.entries()) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${units[index]}`)
  }
  return parts.slice(0, 2).join(' ')
}

/** ISO 8601 → `12:03:10` in this browser's time zone. */
export function clockTime(iso: string | number): string {
  const date = new Date(iso)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':')
}

/** ISO 8601 → `2026-11-23 12:03:10` in this browser's time zone. */
export function dateTime(iso: string | number): string {
  const date = new Date(iso)
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join('-')
  return `${day} ${clockTime(iso)}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

/** Fen → `¥8.88`. */
export function formatYuan(fen: number): string {
  return `¥${(fen / 100).toFixed(2)}`
}
