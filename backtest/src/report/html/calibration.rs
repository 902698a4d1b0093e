//! The calibration curve of a source: a drawing that needs no script.

use qt_strategies::quality::{Bin, Quality};

use super::signals::bin_text;
use super::text::{escape, plural};

/// The side of the square from 0 to 1 on both axes, and the room around it.
const SIDE: f64 = 200.0;
const LEFT: f64 = 34.0;
const TOP: f64 = 10.0;
const BELOW: f64 = 34.0;

/// Where a share lies on each axis.
fn x(share: f64) -> f64 {
    LEFT + share * SIDE
}

fn y(share: f64) -> f64 {
    TOP + (1.0 - share) * SIDE
}

/// The curve of one source with its name below: each bin a dot, as large as it has claims, with
/// the interval of its hit rate; the diagonal is a source that is right as often as it says.
pub fn figure(name: &str, quality: &Quality) -> String {
    let most = quality.calibration.iter().map(|bin| bin.count).max().unwrap_or(1).max(1);
    let filled = quality.calibration.iter().filter(|bin| bin.count > 0);
    let dots: String = filled.clone().map(|bin| dot(bin, most)).collect();
    let points: Vec<String> = filled
        .filter_map(|bin| Some((bin.confidence?, bin.hit_rate?.share)))
        .map(|(confidence, share)| format!("{:.1},{:.1}", x(confidence), y(share)))
        .collect();
    let label = format!("Calibration of {name}: {}", plural(quality.judged, "claim"));
    let (width, height) = (LEFT + SIDE + 12.0, TOP + SIDE + BELOW);
    format!(
        "<figure><svg class=\"curve\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{}\">\n{}\
         <line class=\"even\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n\
         <polyline class=\"joined\" points=\"{}\"/>\n{dots}</svg>\
         <figcaption>{}</figcaption></figure>\n",
        escape(&label),
        grid(),
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
        points.join(" "),
        escape(&format!("{name}, {}", plural(quality.judged, "claim")))
    )
}

fn grid() -> String {
    let mut lines = String::new();
    for step in 0..=4 {
        let share = f64::from(step) / 4.0;
        let (across, up) = (x(share), y(share));
        let (left, right, top, bottom) = (x(0.0), x(1.0), y(1.0), y(0.0));
        lines.push_str(&format!(
            "<line class=\"grid\" x1=\"{left}\" y1=\"{up}\" x2=\"{right}\" y2=\"{up}\"/>\
             <line class=\"grid\" x1=\"{across}\" y1=\"{top}\" x2=\"{across}\" y2=\"{bottom}\"/>\n"
        ));
        if step % 2 == 0 {
            let per_cent = step * 25;
            lines.push_str(&format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{per_cent}</text>\
                 <text x=\"{across}\" y=\"{}\" text-anchor=\"middle\">{per_cent}</text>\n",
                left - 5.0,
                up + 4.0,
                bottom + 14.0
            ));
        }
    }
    let (middle, below) = (x(0.5), y(0.0) + 29.0);
    lines.push_str(&format!(
        "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">confidence, per cent</text>\n\
         <text transform=\"translate(9 {}) rotate(-90)\" text-anchor=\"middle\">came true</text>\n",
        y(0.5)
    ));
    lines
}

fn dot(bin: &Bin, most: u64) -> String {
    let (Some(confidence), Some(rate)) = (bin.confidence, bin.hit_rate) else {
        return String::new();
    };
    let radius = 2.5 + 4.5 * (bin.count as f64 / most as f64).sqrt();
    let across = x(confidence);
    format!(
        "<g><title>{}</title><line class=\"reach\" x1=\"{across:.1}\" y1=\"{:.1}\" \
         x2=\"{across:.1}\" y2=\"{:.1}\"/><circle cx=\"{across:.1}\" cy=\"{:.1}\" \
         r=\"{radius:.1}\"/></g>\n",
        escape(&bin_text(bin)),
        y(rate.low),
        y(rate.high),
        y(rate.share)
    )
}
