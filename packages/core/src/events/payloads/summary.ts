import type { Payload } from './payload.ts'

/** The fields of every summary, of the day, week or month before. A summary has no id. */
export interface Summary<Kind extends string> extends Payload<Kind> {
  /** Begin of the period, Unix time in seconds: midnight in China. */
  readonly summary_from: number
  /** End of the period, Unix time in seconds: its last second. */
  readonly summary_to: number
  /** Amount paid in the period: integer, in fen. */
  readonly charges_amount: number
  /** How many payments there were. */
  readonly charges_count: number
}

/** Payments of one app in a period (events guide of 2016, "App summary"). */
export interface AppSummary<Kind extends string> extends Summary<Kind> {
  /** Id of the app. Note that it is not called `app` here. */
  readonly app_id: string
  /** Name of the app. */
  readonly app_display_name: string
}

/** Payments of one app in a day, `summary_from` being 0:00 and `summary_to` 23:59:59. */
export type AppDailySummary = AppSummary<'app_daily_summary'>

/** Payments of one app in a week, Monday to Sunday. */
export type AppWeeklySummary = AppSummary<'app_weekly_summary'>

/** Payments of one app in a calendar month. */
export type AppMonthlySummary = AppSummary<'app_monthly_summary'>

/** Payments of a whole account in a period (signed sample of the Go, Java and Python SDKs). */
export interface AccountSummary extends Summary<
  'account_daily_summary' | 'account_weekly_summary' | 'account_monthly_summary'
> {
  /** Id of the account, `acct_` and 16 characters. */
  readonly acct_id: string
  /** Name of the account. */
  readonly acct_display_name: string
}
