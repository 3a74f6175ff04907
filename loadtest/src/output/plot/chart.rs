//! A line chart, drawn as SVG.

use std::fmt::{self, Write};

use super::axis::{Axis, Scale, Unit};
use crate::output::html::escape;

#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(super) title: String,
    pub(super) x: (Scale, Unit),
    pub(super) y: (Scale, Unit),
    pub(super) lines: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 34.0;
/// Told apart by those who do not see all colours (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

impl Chart {
    /// The title as the name of a file.
    pub(crate) fn file_stem(&self) -> String {
        self.title.to_lowercase().replace(' ', "-")
    }

    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        self.draw(&mut svg).expect("a string takes any text");
        svg
    }

    fn draw(&self, out: &mut String) -> fmt::Result {
        let points = || self.lines.iter().flat_map(|line| line.points.iter());
        let x_axis = Axis::over(points().map(|p| p.0), self.x);
        let y_axis = Axis::over(points().map(|p| p.1), self.y);
        let x = |value: f64| LEFT + x_axis.place(value) * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - y_axis.place(value) * (HEIGHT - TOP - BOTTOM);
        writeln!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">
<rect width="100%" height="100%" fill="#fff"/>
<text x="{LEFT}" y="20" font-size="15" font-weight="bold">{}</text>"##,
            escape(&self.title)
        )?;
        for (value, label) in y_axis.ticks() {
            let at = y(value);
            writeln!(
                out,
                r##"<line x1="{LEFT}" x2="{:.1}" y1="{at:.1}" y2="{at:.1}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"##,
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
            )?;
        }
        for (value, label) in x_axis.ticks() {
            let at = x(value);
            writeln!(
                out,
                r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"#,
                HEIGHT - BOTTOM + 18.0,
            )?;
        }
        for (n, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            write!(out, r#"<polyline fill="none" stroke="{colour}" stroke-width="1.6" points=""#)?;
            for point in &line.points {
                write!(out, "{:.1},{:.1} ", x(point.0), y(point.1))?;
            }
            writeln!(out, r#""/>"#)?;
        }
        self.draw_legend(out)?;
        out.write_str("</svg>\n")
    }

    fn draw_legend(&self, out: &mut String) -> fmt::Result {
        const LETTER_WIDTH: f64 = 7.0;
        let mut at = LEFT;
        for (n, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[n % COLOURS.len()];
            writeln!(
                out,
                r#"<rect x="{at:.1}" y="32" width="12" height="4" fill="{colour}"/><text x="{:.1}" y="38">{}</text>"#,
                at + 17.0,
                escape(&line.name),
            )?;
            at += 35.0 + line.name.len() as f64 * LETTER_WIDTH;
        }
        Ok(())
    }
}
