import type { Page } from 'playwright-core';

/** What WCAG 2.2 asks of text of normal size (1.4.3, AA). */
const MIN_CONTRAST = 4.5;

/** Texts of the page that stand out too little from what is behind them, with their contrast. Runs in the browser. */
export function faintTexts(page: Page): Promise<readonly string[]> {
  return page.locator('body').evaluate((body, least) => {
    const root = body.ownerDocument;
    const paint = root.createElement('canvas').getContext('2d', { willReadFrequently: true });
    /** Red, green and blue of a colour in any notation, and how opaque it is, all of 1. */
    const colour = (css: string): readonly number[] => {
      paint.clearRect(0, 0, 1, 1);
      paint.fillStyle = css;
      paint.fillRect(0, 0, 1, 1);
      return [...paint.getImageData(0, 0, 1, 1).data].map((value: number) => value / 255);
    };
    const over = (below: readonly number[], above: readonly number[]) =>
      below.map((value, index) => value * (1 - above[3]!) + above[index]! * above[3]!);
    /** Relative luminance (WCAG 2.2). */
    const light = (rgb: readonly number[]) => {
      const [red, green, blue] = rgb.map((value) =>
        value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4,
      );
      return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
    };
    const styleOf = (element: typeof body) => root.defaultView.getComputedStyle(element);
    const behind = (element: typeof body): readonly number[] =>
      over(element.parentElement ? behind(element.parentElement) : [1, 1, 1], colour(styleOf(element).backgroundColor));
    const own = (element: typeof body): string =>
      [...element.childNodes]
        .map((node) => (node.nodeType === 3 ? node.data : ''))
        .join('')
        .trim();
    const faint: string[] = [];
    for (const element of body.querySelectorAll('*')) {
      const text = own(element);
      // What is drawn over a picture (the stripes of a share) has no one colour behind it.
      if (text === '' || element.getClientRects().length === 0 || element.closest('.share')) continue;
      const back = behind(element);
      const [one, other] = [light(over(back, colour(styleOf(element).color))), light(back)];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < least) faint.push(`${contrast.toFixed(2)} ${element.className} "${text}"`);
    }
    return [...new Set(faint)];
  }, MIN_CONTRAST);
}
