import type { ComponentChildren, JSX } from 'preact'

export interface TabsProps {
  readonly label: string
  /** Name → label. */
  readonly tabs: Readonly<Record<string, string>>
  readonly chosen: string
  readonly onChoose: (name: string) => void
  readonly children: ComponentChildren
}

const STEPS: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1 }

/** Tabs with one tab stop; the arrow keys choose (ARIA practices, tabs with automatic activation). */
export function Tabs({ label, tabs, chosen, onChoose, children }: TabsProps): JSX.Element {
  const names = Object.keys(tabs)

  function step(event: KeyboardEvent): void {
    const next = names.at((names.indexOf(chosen) + (STEPS[event.key] ?? 0)) % names.length)
    if (next === undefined || next === chosen) return
    onChoose(next)
    document.getElementById(`tab-${next}`)?.focus()
  }

  return (
    <>
      <div role="tablist" aria-label={label} onKeyDown={step}>
        {names.map((name) => (
          <button
            type="button"
            id={`tab-${name}`}
            role="tab"
            aria-selected={name === chosen}
            aria-controls="tab-panel"
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => onChoose(name)}
          >
            {tabs[name]}
          </button>
        ))}
        <span class="push" />
        <span class="muted" role="presentation">
          {label}
        </span>
      </div>
      <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`}>
        {children}
      </div>
    </>
  )
}
