//! A picture with at most 256 colours: a third of the size, and nobody sees the difference.

use std::{collections::HashMap, io::Cursor};

use e2e::Result;
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Filter, Transformations};

/// What one byte can name.
const COLOURS: usize = 256;
/// Where the page ends: what is below in this colour belongs to no picture (`html.still` in
/// telegram-sim's style.css).
const BELOW: Colour = [1, 2, 3];

type Colour = [u8; 3];

/// Writes a PNG anew with a palette.
pub(super) fn reduce(picture: &[u8]) -> Result<Vec<u8>> {
    let mut decoder = Decoder::new(Cursor::new(picture));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let size = reader
        .output_buffer_size()
        .ok_or("the picture is too large")?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes)?;
    let samples = info.color_type.samples();
    if samples < 3 {
        return Err("the picture has no colours".into());
    }
    let mut pixels: Vec<Colour> = bytes[..info.buffer_size()]
        .chunks_exact(samples)
        .map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let width = usize::try_from(info.width)?;
    while pixels.len() > width && pixels[pixels.len() - width..].iter().all(|it| *it == BELOW) {
        pixels.truncate(pixels.len() - width);
    }
    let height = u32::try_from(pixels.len() / width)?;
    let (palette, indices) = quantised(&pixels);
    let mut written = Vec::new();
    let mut encoder = Encoder::new(&mut written, info.width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(Compression::High);
    // Of what names colours no pixel foretells the next one.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(written)
}

/// A palette, and for each pixel which of its colours it has.
fn quantised(pixels: &[Colour]) -> (Vec<Colour>, Vec<u8>) {
    let mut counts: HashMap<Colour, u32> = HashMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort_unstable();
    let mut boxes = vec![all];
    while boxes.len() < COLOURS {
        let widest = (0..boxes.len()).max_by_key(|index| urgency(&boxes[*index]));
        let Some(halves) = widest.and_then(|index| split(&mut boxes[index])) else {
            break;
        };
        boxes.push(halves);
    }
    let mut palette = Vec::new();
    let mut index_of = HashMap::new();
    for (index, colours) in (0..=u8::MAX).zip(&boxes) {
        palette.push(shown(colours));
        index_of.extend(colours.iter().map(|(colour, _)| (*colour, index)));
    }
    (
        palette,
        pixels.iter().map(|pixel| index_of[pixel]).collect(),
    )
}

/// How badly one colour would stand for all of these.
fn urgency(colours: &[(Colour, u32)]) -> u64 {
    let (_, range) = widest_channel(colours);
    let weight: u64 = colours.iter().map(|(_, count)| u64::from(*count)).sum();
    // Large plain areas need few colours, edges of letters many.
    u64::from(range) * u64::from(range) * weight.isqrt()
}

/// Which channel differs most, and by how much.
fn widest_channel(colours: &[(Colour, u32)]) -> (usize, u8) {
    let range = |channel: usize| {
        let values = colours.iter().map(|(colour, _)| colour[channel]);
        values.clone().max().unwrap_or(0) - values.min().unwrap_or(0)
    };
    let channels = (0..3).map(|channel| (channel, range(channel)));
    channels.max_by_key(|(_, range)| *range).unwrap_or((0, 0))
}

/// Takes the upper half out, by how many pixels there are; none when all are alike.
fn split(colours: &mut Vec<(Colour, u32)>) -> Option<Vec<(Colour, u32)>> {
    let (channel, range) = widest_channel(colours);
    if range == 0 {
        return None;
    }
    colours.sort_unstable_by_key(|(colour, _)| colour[channel]);
    let half: u64 = colours
        .iter()
        .map(|(_, count)| u64::from(*count))
        .sum::<u64>()
        / 2;
    let mut below = 0;
    let middle = colours.iter().position(|(_, count)| {
        below += u64::from(*count);
        below > half
    });
    let middle = middle.unwrap_or(0).clamp(1, colours.len() - 1);
    Some(colours.split_off(middle))
}

/// The colour of most pixels: what is plain stays exactly as it was.
fn shown(colours: &[(Colour, u32)]) -> Colour {
    let most = colours.iter().max_by_key(|(_, count)| *count);
    most.map_or([0; 3], |(colour, _)| *colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_stay_as_they_are() {
        let pixels = [[1, 2, 3], [255, 255, 255], [1, 2, 3], [0, 0, 9]];
        let (palette, indices) = quantised(&pixels);
        let back: Vec<_> = indices
            .iter()
            .map(|index| palette[usize::from(*index)])
            .collect();
        assert_eq!(back, pixels);
    }

    #[test]
    fn many_colours_become_256_that_are_near() {
        let pixels: Vec<Colour> = (0..=u8::MAX)
            .flat_map(|red| (0..8).map(move |green| [red, green * 32, 128]))
            .collect();
        let (palette, indices) = quantised(&pixels);
        assert_eq!(palette.len(), COLOURS);
        for (pixel, index) in pixels.iter().zip(indices) {
            let near = palette[usize::from(index)];
            let apart = pixel.iter().zip(near).map(|(a, b)| a.abs_diff(b)).max();
            assert!(apart < Some(33), "{pixel:?} became {near:?}");
        }
    }

    #[test]
    fn a_picture_survives_but_for_what_is_below_the_page() {
        let mut full = Vec::new();
        let mut encoder = Encoder::new(&mut full, 2, 3);
        encoder.set_color(ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        let (some, below) = ([9, 8, 7, 255], [1, 2, 3, 255]);
        let rows = [some, below, below, below, below, below];
        writer.write_image_data(&rows.concat()).unwrap();
        writer.finish().unwrap();
        let reduced = reduce(&full).unwrap();
        let mut decoder = Decoder::new(Cursor::new(reduced));
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((info.width, info.height), (2, 1));
        assert_eq!(bytes, [9, 8, 7, 1, 2, 3]);
    }
}
