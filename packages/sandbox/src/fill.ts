export type Values = Readonly<Record<string, string | number>>

/** A text with each `{name}` replaced by its value; those without one are left out. */
export function fill(text: string, values: Values = {}): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}
