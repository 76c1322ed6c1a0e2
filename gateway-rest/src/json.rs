//! JSON read as the OpenAPI document tells it, where serde's derive takes more or less.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// An object. The derive would take a list of its values as well.
#[derive(Debug, Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// A whole number. To JSON Schema 60.0 is one too, to the derive it is not.
struct Whole<T>(T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(WholeVisitor)?;
        let number = T::try_from(number);
        number.map(Self).map_err(|_| too_far())
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| too_far())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<i64, E> {
        if number.fract() != 0.0 {
            return Err(E::custom("is not a whole number"));
        }
        format!("{number:.0}").parse().map_err(|_| too_far())
    }
}

fn too_far<E: Error>() -> E {
    E::custom("is a number too far from 0")
}

/// Reads a member that may be left out but is not null where its type is not; with a
/// type that may be null, null differs from absence.
///
/// # Errors
///
/// When the value is not of the type.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Reads a whole number.
///
/// # Errors
///
/// When the value is none, or too large for its type.
pub(crate) fn whole<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    Whole::deserialize(deserializer).map(|number| number.0)
}

/// Reads a whole number that may be left out; null is none.
///
/// # Errors
///
/// As for [`whole`].
pub(crate) fn given_whole<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    whole(deserializer).map(Some)
}

/// Reads a list of whole numbers that may be left out; null is none.
///
/// # Errors
///
/// As for [`whole`].
pub(crate) fn given_wholes<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64>,
{
    let numbers = Vec::<Whole<T>>::deserialize(deserializer)?;
    Ok(Some(numbers.into_iter().map(|number| number.0).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_what_json_schema_takes_for_them() {
        for (value, expected) in [
            (json!(60), Some(60)),
            (json!(60.0), Some(60)),
            (json!(-6e1), Some(-60)),
            (json!(0.0), Some(0)),
            (json!(60.5), None),
            (json!(3_000_000_000_u64), None),
            (json!(u64::MAX), None),
            (json!(1e30), None),
            (json!("60"), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            let read = whole::<_, i32>(value.clone()).ok();
            assert_eq!(read, expected, "{value}");
        }
    }

    #[test]
    fn a_list_of_values_is_no_object() {
        #[derive(Debug, Deserialize)]
        struct Pair {
            one: i32,
            other: i32,
        }
        let read = |value| serde_json::from_value::<Object<Pair>>(value);
        let Object(pair) = read(json!({"one": 1, "other": 2})).unwrap();
        assert_eq!((pair.one, pair.other), (1, 2));
        assert!(read(json!([1, 2])).is_err());
    }
}
