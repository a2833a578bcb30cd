//! The [`fields!`](crate::fields) macro: one table in, a row struct and its field definitions out.

/// Declares a row struct and its field table in one place.
///
/// Each line is `name: Type ["kfl.name"] = "example filter";` under a one-line doc comment, which
/// becomes the field's documentation. The KFL name is the Rust name unless another is given.
///
/// ```
/// pcapsule::fields! {
///     /// What a client asked.
///     pub struct Request {
///         /// Verb of the request.
///         verb: Text = "verb == \"GET\"";
///         /// Header names and values.
///         headers: Pairs "request.headers" = "\"a\" in request.headers";
///     }
/// }
/// assert_eq!(Request::FIELDS[1].name, "request.headers");
/// assert_eq!(Request::FIELDS[0].doc, "Verb of the request.");
/// ```
#[macro_export]
macro_rules! fields {
    ($(
        $(#[doc = $struct_doc:literal])*
        pub struct $name:ident {
            $(
                #[doc = $doc:literal]
                $field:ident : $ty:ident $($kfl:literal)? = $example:literal;
            )*
        }
    )*) => {$(
        $(#[doc = $struct_doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $(#[doc = $doc] pub $field: $crate::fields!(@type $ty),)*
        }

        impl $name {
            /// The field table, in the order of the struct.
            pub const FIELDS: &'static [$crate::field::FieldDef] = &[$(
                $crate::field::FieldDef {
                    name: $crate::fields!(@name $field $($kfl)?),
                    ty: <$crate::fields!(@type $ty) as $crate::field::Value>::TYPE,
                    doc: $doc.trim_ascii(),
                    example: $example,
                    origin: $crate::field::Origin::Stored,
                    absent: 0,
                },
            )*];
        }

        impl $crate::field::Row for $name {
            fn fields(&self) -> &'static [$crate::field::FieldDef] {
                Self::FIELDS
            }

            #[allow(unused_assignments, unused_mut, unused_variables)]
            fn visit(&self, sink: &mut dyn $crate::field::ColumnSink) {
                let mut column = 0usize;
                $(
                    $crate::field::Value::put(&self.$field, column, sink);
                    column += 1;
                )*
            }
        }
    )*};
    (@name $field:ident $kfl:literal) => { $kfl };
    (@name $field:ident) => { stringify!($field) };
    (@type Text) => { $crate::field::Text };
    (@type Int) => { i64 };
    (@type Time) => { $crate::field::Nanos };
    (@type Bool) => { bool };
    (@type List) => { Vec<$crate::field::Text> };
    (@type Pairs) => { $crate::field::Pairs };
}
