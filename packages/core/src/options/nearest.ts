/**
 * Returns the candidate that a misspelt name most likely means, for "Did you mean …?"; undefined if
 * more than a third of the name would have to change.
 */
export function nearestTo(name: string, candidates: readonly string[]): string | undefined {
  const misspelt = name.toLowerCase()
  const distances = candidates.map((candidate) => distance(misspelt, candidate))
  const least = Math.min(...distances)
  return least <= name.length / 3 ? candidates[distances.indexOf(least)] : undefined
}

/** Returns how many characters must be added, removed, replaced, or swapped with the next one (Damerau). */
function distance(from: string, to: string): number {
  let earlier: number[] = []
  let above = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let row = 0; row < from.length; row += 1) {
    const current = [row + 1]
    for (let at = 0; at < to.length; at += 1) {
      const replaced = (above[at] ?? 0) + (from[row] === to[at] ? 0 : 1)
      const isSwapped = from[row] === to[at - 1] && from[row - 1] === to[at]
      const swapped = isSwapped ? (earlier[at - 1] ?? 0) + 1 : Infinity
      current.push(Math.min(replaced, swapped, (above[at + 1] ?? 0) + 1, (current[at] ?? 0) + 1))
    }
    earlier = above
    above = current
  }
  return above.at(-1) ?? 0
}
