//! A text as a picture that a phone reads (ISO/IEC 18004).

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, QrCode};

/// Pixels of a module: large enough for a camera, and for Telegram not to blur it.
const SCALE: usize = 10;
/// Modules of the light margin that the standard asks for.
const MARGIN: usize = 4;

/// A PNG; `None` for a text that is too long for one.
pub(super) fn picture(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::new(text).ok()?;
    let modules = code.width();
    let side = (modules + 2 * MARGIN) * SCALE;
    let pixels = u32::try_from(side).ok()?;
    let is_dark = |x: usize, y: usize| {
        let of = |pixel: usize| (pixel / SCALE).checked_sub(MARGIN);
        match (of(x), of(y)) {
            (Some(x), Some(y)) if x < modules && y < modules => code[(x, y)] == Color::Dark,
            _ => false,
        }
    };
    // One bit a pixel, each row from a new byte on; 1 is white.
    let mut rows = vec![0; side.div_ceil(8) * side];
    for (y, row) in rows.chunks_mut(side.div_ceil(8)).enumerate() {
        for x in (0..side).filter(|x| !is_dark(*x, y)) {
            row[x / 8] |= 0x80 >> (x % 8);
        }
    }
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, pixels, pixels);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&rows).ok()?;
    writer.finish().ok()?;
    Some(png)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_a_square_with_its_corners_marked() {
        let png = picture("https://t.me/lesson_bot?start=abc").unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png))
            .read_info()
            .unwrap();
        let mut rows = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rows).unwrap();
        assert_eq!(info.width, info.height);
        let (side, bytes) = (usize::try_from(info.width).unwrap(), info.line_size);
        let module = |x: usize, y: usize| {
            let (x, y) = ((x + MARGIN) * SCALE, (y + MARGIN) * SCALE);
            rows[y * bytes + x / 8] & (0x80 >> (x % 8)) == 0
        };
        let modules = side / SCALE - 2 * MARGIN;
        // A finder pattern: a ring of seven, light inside, a dark core of three.
        for (left, top) in [(0, 0), (modules - 7, 0), (0, modules - 7)] {
            let dark = |x: usize, y: usize| module(left + x, top + y);
            assert!(dark(0, 0) && dark(6, 0) && dark(0, 6) && dark(6, 6));
            assert!(!dark(1, 1) && !dark(5, 5));
            assert!(dark(2, 2) && dark(3, 3) && dark(4, 4));
        }
        assert_eq!(rows[0], 0xff, "the margin is light");
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert_eq!(picture(&"x".repeat(3_000)), None);
    }
}
