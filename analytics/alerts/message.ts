import type { Alert } from './alert.js';

/** What a webhook carries, as Standard Webhooks advises: what happened, when, and the alert. */
export const webhookBody = (alert: Alert): string =>
  JSON.stringify({ type: `alert.${alert.kind}`, timestamp: alert.at, data: alert });

/** Slack's format of incoming webhooks. */
export const slackBody = (alert: Alert): string =>
  JSON.stringify({ text: slackText(`${subjectOf(alert)}\n${detailOf(alert)}`) });

/** Slack reads `&`, `<` and `>`; nothing else of it is markup where text is plain. */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export const mailOf = (alert: Alert): { subject: string; text: string } => ({
  subject: subjectOf(alert),
  text: `${subjectOf(alert)}.\n\n${detailOf(alert)}\n\nAlert ${alert.id}, ${alert.at}.\n`,
});

function subjectOf(alert: Alert): string {
  const { customer, entity, feature, limit, threshold, kind } = alert;
  const whose = `${entity === null ? customer : `${customer}/${entity}`}: ${feature} (${limit})`;
  switch (kind) {
    case 'threshold_crossed':
      return `${whose} has reached ${threshold ?? 0} % of what is included`;
    case 'overage_entered':
      return `${whose} is past what is included`;
    case 'cap_reached':
      return `${whose} has reached its cap`;
    case 'test':
      return 'A test alert from Weir';
  }
}

function detailOf({ used, included, plan, window: { start, end } }: Alert): string {
  return `${used} used of ${included} included on plan ${plan}, in the window from ${start}${end === null ? '' : ` to ${end}`}.`;
}
